/**
 * fio writes blocks with checksums and verifies each, within the run and again after a new mount.
 *
 *     npx vitest run test/applications/fio.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/fio.test.ts   (1 GiB per job)
 */
import { applicationTest, sized } from './support.ts';

const size = sized('8M', '1G');

/** One job per line, as fio's options. */
const jobs: Readonly<Record<string, readonly string[]>> = {
  'random-write': ['--rw=randwrite', '--bs=4k'],
  'sequential-write': ['--rw=write', '--bs=1M'],
  mixed: ['--rw=randrw', '--bsrange=512-128k', '--bs_unaligned=1'],
  'random-write-direct': ['--rw=randwrite', '--bs=4k', '--direct=1'],
  'sequential-write-direct': ['--rw=write', '--bs=256k', '--direct=1'],
};

const common = [
  '--ioengine=psync',
  `--size=${size}`,
  '--verify=crc32c',
  '--verify_fatal=1',
  '--randrepeat=1',
  '--end_fsync=1',
  '--fallocate=none',
  '--output-format=terse',
];

applicationTest(
  'fio verifies what it wrote',
  { programs: ['fio'] },
  async ({ workspace, driver, succeed }) => {
    const request = {
      source: workspace.path('files.sqlite'),
      driver: driver.name,
      directory: workspace.makeDirectory('mount'),
    };
    const run = (name: string, options: readonly string[]) =>
      succeed(
        'fio',
        [`--name=${name}`, `--directory=${request.directory}`, ...options, ...common],
        {
          // fio leaves its verify state in the working directory.
          cwd: workspace.directory,
        },
      );
    const first = await workspace.startMount(request);
    for (const [name, options] of Object.entries(jobs)) {
      await run(name, [...options, '--do_verify=1']);
    }
    await first.unmount();
    const second = await workspace.startMount(request);
    for (const [name, options] of Object.entries(jobs)) {
      await run(name, [...options, '--verify_only=1']);
    }
    await second.unmount();
  },
);
