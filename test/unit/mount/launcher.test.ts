/** The file that npm links as `dafs`. */

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { run } from '../../support/run.ts';

const launcher = fileURLToPath(new URL('../../../mount/dafs.cjs', import.meta.url));
const elsewhere = mkdtempSync(join(tmpdir(), 'dafs-launcher-'));

afterAll(() => rmSync(elsewhere, { recursive: true }));

describe('the launcher', () => {
  it('runs the sources in a checkout', async () => {
    const { status, stdout } = await run(process.execPath, [launcher, '--version']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${packageJson.version}\n` });
  });

  it('runs what was built in a published package', async () => {
    mkdirSync(join(elsewhere, 'mount'));
    mkdirSync(join(elsewhere, 'dist/mount'), { recursive: true });
    copyFileSync(launcher, join(elsewhere, 'mount/dafs.cjs'));
    writeFileSync(join(elsewhere, 'dist/mount/main.js'), 'console.log("built", process.argv[2])');
    const { stdout } = await run(process.execPath, [
      join(elsewhere, 'mount/dafs.cjs'),
      'an argument',
    ]);
    expect(stdout).toBe('built an argument\n');
  });

  it('keeps compiled code for the processes that follow, unless somebody has said where', async () => {
    const packageDirectory = join(elsewhere, 'package');
    mkdirSync(join(packageDirectory, 'mount'), { recursive: true });
    copyFileSync(launcher, join(packageDirectory, 'mount/dafs.cjs'));
    const source = 'process.stdout.write(process.env.NODE_COMPILE_CACHE as string)';
    writeFileSync(join(packageDirectory, 'mount/main.ts'), source);
    const { NODE_COMPILE_CACHE: _, ...environment } = process.env;
    const start = async (more = {}) => {
      const args = [join(packageDirectory, 'mount/dafs.cjs')];
      return (await run(process.execPath, args, { environment: { ...environment, ...more } }))
        .stdout;
    };
    const folder = join(packageDirectory, 'node_modules/.cache/dafs-compiled');
    expect(await start()).toBe(folder);
    expect(readdirSync(folder)).not.toEqual([]);
    const chosen = join(packageDirectory, 'chosen');
    expect(await start({ NODE_COMPILE_CACHE: chosen })).toBe(chosen);
  });

  it('is what package.json says, and executable where it is linked', () => {
    expect(packageJson.bin.dafs).toBe('mount/dafs.cjs');
    expect(packageJson.files).toContain('mount/dafs.cjs');
    expect(readFileSync(launcher, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it('hands over to the Node that npm installed when it runs under an older one', async () => {
    // An older Node is simulated by what the launcher sees of its version.
    const disguise = join(elsewhere, 'disguise.cjs');
    writeFileSync(
      disguise,
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.0.0" } });' +
        'Object.defineProperty(process, "version", { value: "v18.0.0" });',
    );
    const { status, stdout } = await run(process.execPath, ['-r', disguise, launcher, '--version']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${packageJson.version}\n` });

    const alone = await run(process.execPath, ['-r', disguise, join(elsewhere, 'mount/dafs.cjs')]);
    expect(alone.status).toBe(1);
    expect(alone.stderr).toBe(
      'dafs: needs Node 24 or later, and this is v18.0.0; npm ci (or npm install dafs) brings one along, unless optional dependencies are left out\n',
    );
  });
});
