/** What a person asks of a running loop. Set from outside at any time; the loop looks between two steps. */
import type { ExampleRef } from '../../shared/dataset';

export class LoopControl {
  stopAsked = false;
  pauseAsked = false;
  saveAsked = false;
  private wake: (() => void) | null = null;

  constructor(public pinned: readonly ExampleRef[] = []) {}

  pause(): void {
    this.pauseAsked = true;
  }

  resume(): void {
    this.pauseAsked = false;
    this.wake?.();
  }

  stop(): void {
    this.stopAsked = true;
    this.wake?.();
  }

  save(): void {
    this.saveAsked = true;
    this.wake?.();
  }

  pin(pinned: readonly ExampleRef[]): void {
    this.pinned = pinned;
  }

  /** Resolves at the next word from outside. */
  word(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = null;
        resolve();
      };
    });
  }
}
