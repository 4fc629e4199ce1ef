// Where the live panel tells the network canvas what is removed, within one page and without the server.
// Both are mounted as separate modules, so the meeting point has to be the window.

/**
 * The channel of this name: `publish` to all `subscribe`rs; `last` is what was said last, `isLive` if someone leads.
 * @template [Event=Threshold]
 * @param {string} name
 * @returns {Channel<Event>}
 */
export function openChannel(name) {
  const channels = (window.__ncvizChannels ??= new Map());
  /** @type {ChannelState} */
  const state = channels.get(name) ?? { last: null, publishers: 0, listeners: new Set() };
  channels.set(name, state);
  return {
    name,
    get last() {
      return state.last;
    },
    get isLive() {
      return state.publishers > 0;
    },
    publish(event) {
      state.last = event;
      for (const listener of [...state.listeners]) listener(event);
    },
    subscribe(listener) {
      state.listeners.add(listener);
      return () => state.listeners.delete(listener);
    },
    /** Become a publisher; the returned function leaves again, and the last word is forgotten with the last one. */
    lead() {
      state.publishers += 1;
      return () => {
        state.publishers -= 1;
        if (state.publishers === 0) state.last = null;
      };
    },
  };
}

/**
 * While a live panel leads, its word is newer than what Python knew when this run began; a picture without a slider may
 * be there before the panel of the run before is gone.
 * @param {Pick<Message, "removed" | "order" | "flows">} message
 * @param {Pick<Channel<Threshold>, "isLive" | "last"> | null} channel
 * @returns {Threshold}
 */
export function stepOf(message, channel) {
  return (!message.flows?.is_still && channel?.isLive && channel.last) || message;
}
