// Emoji that people in support use; all others can be typed.
export const EMOJI = [..."😀😃😄😁😅😂🙂🙃😉😊😇😍😘😋😜🤔🤗🤩😎🥳😏😒😞😔😕😟😢😭😤😠😱😳🥺😴🤒🤕👍👎👌🤝🙏👏🙌💪👋🤞👀🎉🎁🎂💐🌹🔥💯💡📌📎📦🚚🛒💳💰📞📱💻📧📅🕐🔔🔒🔑🏠🏢🚗✅❌❓❗💬💙💚💛🧡💜🖤"].concat(["❤️", "⭐️", "⚠️", "☀️", "☎️", "✈️", "✉️"]);
