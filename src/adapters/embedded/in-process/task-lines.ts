/** Tasks that wait, each in the line of its run, in their order; runs take turns, whatever the length of their lines. */
export class TaskLines<Task> {
  /** By run; who has waited longest for a turn is first. None is empty. */
  readonly #lines = new Map<string, Task[]>();
  #size = 0;

  /** How many tasks wait. */
  get size(): number {
    return this.#size;
  }

  add(run: string, task: Task): void {
    const line = this.#lines.get(run);
    if (line === undefined) this.#lines.set(run, [task]);
    else line.push(task);
    this.#size++;
  }

  /** Takes the first task of the run whose turn it is, of those that may have one. */
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

  /** Takes tasks out of all lines. */
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
