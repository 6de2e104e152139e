/**
 * make builds a C project on the mount with four jobs at once, and builds again only what changed.
 *
 *     npx vitest run test/applications/build.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/build.test.ts   (1,000 sources)
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { applicationTest, sized } from './support.ts';

const sources = sized(12, 1000);

const makefile = `
objects := $(patsubst %.c,build/%.o,$(wildcard *.c))

program: build/library.a main.h
\t$(CC) -o $@ $<

build/library.a: $(objects)
\t$(AR) rcs $@ $^

build/%.o: %.c main.h
\t@mkdir -p build
\t$(CC) -O1 -c -MMD -o $@ $<

-include $(wildcard build/*.d)
`;

function makeProject(directory: string): void {
  mkdirSync(directory);
  const numbers = Array.from({ length: sources }, (_, index) => index);
  const write = (name: string, text: string) => writeFileSync(`${directory}/${name}`, text);
  write('Makefile', makefile);
  write('main.h', numbers.map((number) => `int part${number}(int);`).join('\n'));
  for (const number of numbers) {
    const body = `return value * ${number % 7} + ${number};`;
    write(`part${number}.c`, `#include "main.h"\nint part${number}(int value) { ${body} }\n`);
  }
  const calls = numbers.map((number) => `sum += part${number}(sum % 1000);`).join('\n  ');
  write(
    'main.c',
    `#include <stdio.h>\n#include "main.h"\nint main(void) {\n  long sum = 1;\n  ${calls}\n  printf("%ld\\n", sum);\n}\n`,
  );
}

applicationTest(
  'make -j4 builds a C project, and only what changed again',
  { programs: ['make', 'gcc', 'ar', 'cp'] },
  async ({ workspace, driver, succeed }) => {
    const original = workspace.path('project');
    makeProject(original);
    await succeed('make', ['-C', original, '-s', '-j4', 'CC=gcc']);
    const expected = await succeed(`${original}/program`, []);
    await succeed('make', [
      '-C',
      original,
      '-s',
      'clean',
      '--eval',
      'clean: ; rm -r build program',
    ]);

    const mount = await workspace.startMount({
      source: workspace.path('files.sqlite'),
      driver: driver.name,
    });
    const project = `${mount.directory}/project`;
    const make = (...args: string[]) => succeed('make', ['-C', project, '-j4', 'CC=gcc', ...args]);
    await succeed('cp', ['-a', original, project]);
    await make('-s');
    expect(await succeed(`${project}/program`, [])).toBe(expected);
    expect(await make()).toContain("'program' is up to date");
    await succeed('touch', [`${project}/part3.c`]);
    const rebuilt = await make();
    expect(rebuilt.match(/gcc -O1/g)).toHaveLength(1);
    expect(await succeed(`${project}/program`, [])).toBe(expected);
    await succeed('rm', ['-rf', project]);
    await mount.unmount();
  },
);
