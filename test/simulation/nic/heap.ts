/** The heap of a simulated process: it is this one's, and nothing would come back of it. */
export class Heap {
  giveBack(): boolean {
    return false;
  }
}
