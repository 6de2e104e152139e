/** Shows how far some work has come. */
export interface Progress {
  /** @param part of the work that is done, 0 to 1 @param subject what is being done */
  update(part: number, subject: string): void;
  /** Takes the line away again. */
  end(): void;
}

const steps = 1000;
const invisible: Progress = { update: () => {}, end: () => {} };

/** A bar on standard error, if that is a terminal; nothing otherwise. */
export async function startProgress(): Promise<Progress> {
  if (!process.stderr.isTTY) {
    return invisible;
  }
  const { SingleBar } = await import('cli-progress');
  const bar = new SingleBar({
    format: '{bar} {percentage} %  {subject}',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(steps, 0, { subject: '' });
  return {
    update: (part, subject) => bar.update(Math.floor(part * steps), { subject }),
    end: () => bar.stop(),
  };
}
