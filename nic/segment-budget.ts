/**
 * How many segments of peers a context maps. The kernel lets a process have some 65,000 mappings
 * (vm.max_map_count), and one that has used them up cannot even get memory any more: so no peer process
 * may take more than its share, over all its connections.
 */
const MAXIMUM = 40_960;
const MAXIMUM_PER_PROCESS = 8192;

export class SegmentBudget {
  readonly #ofProcess = new Map<number, number>();
  #count = 0;

  /** Takes one for the process. @returns false when it may not have another one */
  take(pid: number): boolean {
    const own = this.#ofProcess.get(pid) ?? 0;
    if (own >= MAXIMUM_PER_PROCESS || this.#count >= MAXIMUM) return false;
    this.#ofProcess.set(pid, own + 1);
    this.#count++;
    return true;
  }

  give(pid: number): void {
    const own = (this.#ofProcess.get(pid) ?? 0) - 1;
    if (own > 0) this.#ofProcess.set(pid, own);
    else this.#ofProcess.delete(pid);
    this.#count--;
  }
}
