import type { EventName, Events } from '../shared/contract';

type Listener = (name: EventName, payload: Events[EventName]) => void;

/** The studio's events, in the order in which they happened. A listener that throws does not stop the others. */
export class StudioEvents {
  private readonly listeners = new Set<Listener>();

  constructor(private readonly onListenerError: (error: unknown) => void = () => undefined) {}

  emit<E extends EventName>(name: E, payload: Events[E]): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(name, payload);
      } catch (error) {
        this.onListenerError(error);
      }
    }
  }

  /** Every event: what a transport forwards. @returns the function that ends it. */
  onAny(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  on<E extends EventName>(name: E, listener: (payload: Events[E]) => void): () => void {
    return this.onAny((event, payload) => {
      if (event === name) listener(payload as Events[E]);
    });
  }
}
