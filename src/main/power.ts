import { powerSaveBlocker } from 'electron';

/** Keeps the machine from going to sleep while a run trains; the display may still turn off. */
export class PowerGuard {
  private blocker: number | undefined;

  hold(training: boolean): void {
    if (training && this.blocker === undefined) {
      this.blocker = powerSaveBlocker.start('prevent-app-suspension');
    } else if (!training && this.blocker !== undefined) {
      powerSaveBlocker.stop(this.blocker);
      this.blocker = undefined;
    }
  }
}
