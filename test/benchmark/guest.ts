/**
 * This project's mount beside the kernel's NFS, in a guest of its own: a stock kernel of Debian's, where
 * all of them run on one processor whose clock counts instructions. README.md in `guest/` tells more.
 */
import { programObstacle } from '../support/machine.ts';
import { Workspace } from '../support/workspace.ts';
import { Emulator, type Measured } from './guest/emulator.ts';
import { makeImage } from './guest/image.ts';
import { preparePackages } from './guest/packages.ts';
import { describeStep, planOf, tables } from './guest/plan.ts';
import { type Figure, rowsOf } from './guest/rows.ts';
import { describeFigure } from './support/format.ts';
import { Progress } from './support/progress.ts';
import type { BenchmarkSection } from './support/row.ts';

/** In the unit of the plan's steps, seconds of the guest's clock: what precedes the first. */
const PACKAGES_SECONDS = 10;
const BOOT_SECONDS = 12;

function obstacle(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return 'the guest is made of Linux packages for x86-64, which run there only';
  }
  return programObstacle(['apt-get', 'dpkg-deb', 'tar', 'setpriv', 'nice']);
}

/** For who watches, and of a run that is interrupted. */
function describeMeasured({ figure, work }: Measured, unit: string): string {
  const shares = work.map(([name, billions]) => `${name} ${billions.toFixed(3)}`);
  return `      ${describeFigure(figure)} ${unit}; billions of instructions: ${shares.join(', ')}\n`;
}

export const guestBenchmark: BenchmarkSection = async ({ rounds, rowPattern }) => {
  const lack = obstacle();
  if (lack !== undefined) throw new Error(lack);
  const options = { rounds, rows: rowPattern.source };
  const plan = planOf(options);
  const seconds = plan.reduce((sum, step) => sum + step.seconds, PACKAGES_SECONDS + BOOT_SECONDS);
  const progress = new Progress(seconds);
  const workspace = Workspace.create();
  try {
    const image = await progress.step('preparing the guest', PACKAGES_SECONDS, async () => {
      const packages = await preparePackages(workspace);
      return { packages, path: await makeImage(packages, workspace, options) };
    });
    const emulator = Emulator.start(image.packages, image.path, workspace);
    await progress.step('starting it', BOOT_SECONDS, () => emulator.next());
    const figures: Figure[] = [];
    for (const step of plan) {
      const what = describeStep(step);
      const measured = await progress.step(what, step.seconds, () => emulator.next());
      if (measured === undefined) continue;
      figures.push({ step, figure: measured.figure });
      process.stderr.write(describeMeasured(measured, step.job?.unit ?? ''));
    }
    emulator.stop();
    return rowsOf(tables, figures);
  } finally {
    await workspace.dispose();
  }
};
