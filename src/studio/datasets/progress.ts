const EVERY_MS = 200;

/** Passes progress on a few times a second, with the time left at the pace of the present phase. */
export class ProgressMeter {
  private what = '';
  private started = 0;
  private first = 0;
  private told = -Infinity;

  constructor(
    private readonly tell: (done: number, total: number, what: string, secondsLeft: number | null) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  update(done: number, total: number, what: string): void {
    const now = this.now();
    if (what !== this.what) {
      this.what = what;
      this.started = now;
      this.first = done;
      this.told = -Infinity;
    }
    if (now - this.told < EVERY_MS && done < total) return;
    this.told = now;
    const seconds = (now - this.started) / 1000;
    const pace = seconds > 0.5 ? (done - this.first) / seconds : 0;
    this.tell(done, total, what, pace > 0 ? (total - done) / pace : null);
  }
}
