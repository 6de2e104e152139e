/**
 * The largest file there can be, of 8 PiB less a byte, with data at both ends.
 *
 *     npx vitest run test/applications/sparse.test.ts
 */
import { expect } from 'vitest';
import { run } from '../support/run.ts';
import { applicationTest } from './support.ts';

const LARGEST = Number.MAX_SAFE_INTEGER;

applicationTest(
  'a sparse file of 2^53 - 1 bytes holds what is written to its ends, and grows no more',
  { programs: ['truncate', 'dd', 'tail', 'stat'] },
  async ({ workspace, driver }) => {
    const { directory, unmount } = await workspace.startMount({
      source: workspace.path('files.sqlite'),
      driver: driver.name,
    });
    const shell = async (script: string): Promise<string> => {
      const { stdout, stderr } = await run('/bin/sh', ['-c', script], { cwd: directory });
      return stdout + stderr;
    };
    const put = (text: string, at: number) =>
      `printf ${text} | dd of=file bs=1 seek=${at} conv=notrunc,fsync status=none`;
    const script = `truncate -s ${LARGEST} file && ${put('begin', 0)} && ${put('end', LARGEST - 3)}`;
    expect(await shell(`${script} && head -c 5 file && tail -c 4 file | od -An -c`)).toBe(
      'begin  \\0   e   n   d\n',
    );
    const [size, blocks] = (await shell(`stat -c '%s %b' file`)).trim().split(' ').map(Number);
    expect(size).toBe(LARGEST);
    expect((blocks ?? 0) * 512).toBeLessThanOrEqual(2 * 65_536);
    expect(await shell(`truncate -s ${BigInt(LARGEST) + 1n} file`)).toContain('File too large');
    expect(await shell(put('x', LARGEST))).toContain('File too large');
    expect(await shell(`truncate -s 2 file && cat file`)).toBe('be');
    await unmount();
  },
);
