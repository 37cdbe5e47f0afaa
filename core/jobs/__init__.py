"""Background work: bells, jobs, the worker and the sweeper.

A job says "there is work", nothing else: it may be lost, doubled or late. The rows are the truth.
"""
