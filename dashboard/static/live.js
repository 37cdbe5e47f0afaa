// The live stream of an account: notices as they come, and word when they may have been missed.

const KINDS = [
  "message.created", "message.updated", "conversation.created", "conversation.updated",
  "conversation.status_changed", "conversation.read", "contact.created", "contact.updated",
  "contact.merged", "conversation.typing_on", "conversation.typing_off",
  "channel.health_changed", "event.received", "dead_letter.created", "alert.created",
];
const POLL = 15000;
const PATIENCE = 4000;

/**
 * Follow a stream. The browser resumes it by Last-Event-ID by itself; where it cannot, `missed` is called and the page
 * fetches again. While there is no connection, `missed` is called from time to time.
 *
 * @param {{url: string, notice: function, missed: function, connected: function}} options
 */
export function follow({ url, notice, missed, connected }) {
  let source = null;
  let retry = 0;
  let pause = 1000;
  let lostAt = 0;
  let warning = 0;

  function up() {
    clearTimeout(warning);
    warning = 0;
    lostAt = 0;
    pause = 1000;
    connected(true);
  }

  function down() {
    lostAt ||= Date.now();
    warning ||= setTimeout(() => connected(false), PATIENCE);
  }

  function open() {
    clearTimeout(retry);
    source?.close();
    source = new EventSource(url);
    source.addEventListener("open", () => {
      // Only a stream that has brought an event is resumed by the browser with its Last-Event-ID.
      if (!source.resumable) missed("opened");
      up();
    });
    source.addEventListener("error", () => {
      down();
      if (source.readyState === EventSource.CLOSED) {
        retry = setTimeout(open, pause);
        pause = Math.min(pause * 2, 30000);
      }
    });
    for (const kind of KINDS)
      source.addEventListener(kind, (event) => {
        source.resumable ||= Boolean(event.lastEventId);
        notice(JSON.parse(event.data));
      });
    source.addEventListener("reset", () => missed("reset"));
    source.addEventListener("signed_out", () => location.reload());
  }

  open();
  setInterval(() => { if (lostAt && Date.now() - lostAt > PATIENCE) missed("polling"); }, POLL);
  addEventListener("online", () => { if (lostAt) open(); });
  addEventListener("offline", down);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") missed("visible");
  });
  addEventListener("pageshow", (event) => { if (event.persisted) missed("restored"); });
  addEventListener("pagehide", () => source?.close());
}
