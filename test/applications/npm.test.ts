/**
 * npm installs packages on the mount: `npm ci` from a lock file, and a program of what it installed.
 *
 *     npx vitest run test/applications/npm.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/npm.test.ts   (300 packages of 100 files)
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { type ApplicationRun, applicationTest, sized } from './support.ts';

const packages = sized(5, 300);
const filesPerPackage = sized(10, 100);

/** Packages as a registry keeps them: an archive each, every one dependent on the one before. */
async function makeArchives({ workspace, succeed }: ApplicationRun): Promise<void> {
  mkdirSync(workspace.path('archives'));
  for (let number = 0; number < packages; number += 1) {
    const root = workspace.path(`archives/${number}`);
    mkdirSync(`${root}/package/lib`, { recursive: true });
    const description = {
      name: `part-${number}`,
      version: '1.0.0',
      bin: { [`part-${number}`]: 'index.js' },
    };
    writeFileSync(`${root}/package/package.json`, JSON.stringify(description));
    writeFileSync(
      `${root}/package/index.js`,
      `#!/usr/bin/env node\nmodule.exports = () => require('./lib/0.js') + ${number};\n`,
      { mode: 0o755 },
    );
    for (let file = 0; file < filesPerPackage; file += 1) {
      const padding = `// ${'x'.repeat((number * file * 37) % 9000)}`;
      writeFileSync(`${root}/package/lib/${file}.js`, `module.exports = ${file};\n${padding}\n`);
    }
    await succeed('tar', ['-czf', `${root}.tgz`, '-C', root, 'package']);
  }
}

function makeProject(run: ApplicationRun): string {
  const project = run.workspace.makeDirectory('project');
  const numbers = Array.from({ length: packages }, (_, number) => number);
  const archive = (number: number) => `file:${run.workspace.path(`archives/${number}.tgz`)}`;
  const dependencies = Object.fromEntries(numbers.map((n) => [`part-${n}`, archive(n)]));
  const sum = numbers.map((number) => `require('part-${number}')()`).join(' + ');
  writeFileSync(`${project}/package.json`, JSON.stringify({ name: 'whole', dependencies }));
  writeFileSync(`${project}/main.js`, `console.log(${sum});\n`);
  return project;
}

applicationTest(
  'npm ci installs, and what it installed runs',
  { programs: ['npm', 'tar', 'cp'] },
  async (application) => {
    const { workspace, driver, succeed } = application;
    await makeArchives(application);
    const environment = {
      ...workspace.environment,
      npm_config_cache: workspace.path('cache'),
      npm_config_offline: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
    };
    const original = makeProject(application);
    await succeed('npm', ['install', '--package-lock-only'], { cwd: original, environment });

    const request = {
      source: workspace.path('files.sqlite'),
      driver: driver.name,
      directory: workspace.makeDirectory('mount'),
    };
    const project = `${request.directory}/project`;
    const expected = `${(packages * (packages - 1)) / 2}\n`;
    const first = await workspace.startMount(request);
    await succeed('cp', ['-a', original, project]);
    await succeed('npm', ['ci'], { cwd: project, environment });
    expect(await succeed(process.execPath, ['main.js'], { cwd: project })).toBe(expected);
    // The second time it removes what is there first.
    await succeed('npm', ['ci'], { cwd: project, environment });
    await first.unmount();

    const second = await workspace.startMount(request);
    expect(await succeed(process.execPath, ['main.js'], { cwd: project })).toBe(expected);
    const modules = `${project}/node_modules`;
    const installed = await succeed('find', [modules, '-path', '*/lib/*.js', '-type', 'f']);
    expect(installed.trim().split('\n')).toHaveLength(packages * filesPerPackage);
    await second.unmount();
  },
);
