/** Waiting tasks, in one first-in, first-out line per run; lines are served round-robin, whatever their length. */
export class FairQueue<Task> {
  /** By run; the line to serve next is first. No line is empty. */
  readonly #lines = new Map<string, Task[]>();
  #size = 0;

  /** The number of waiting tasks. */
  get size(): number {
    return this.#size;
  }

  add(run: string, task: Task): void {
    const line = this.#lines.get(run);
    if (line === undefined) this.#lines.set(run, [task]);
    else line.push(task);
    this.#size++;
  }

  /** Takes the first task of the next run that `mayTake` accepts. */
  take(mayTake: (run: string) => boolean = () => true): Task | undefined {
    for (const [run, line] of this.#lines) {
      if (!mayTake(run)) continue;
      this.#lines.delete(run);
      const task = line.shift();
      if (line.length > 0) this.#lines.set(run, line); // behind all others
      this.#size--;
      return task;
    }
    return undefined;
  }

  /** Removes tasks from all lines, and returns them. */
  drop(isMeant: (task: Task) => boolean): Task[] {
    const dropped: Task[] = [];
    for (const [run, line] of [...this.#lines]) {
      const kept = line.filter((task) => !isMeant(task));
      if (kept.length === line.length) continue;
      dropped.push(...line.filter(isMeant));
      if (kept.length === 0) this.#lines.delete(run);
      else this.#lines.set(run, kept);
    }
    this.#size -= dropped.length;
    return dropped;
  }
}
