import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstObstacle } from '../support/machine.ts';
import { conformanceCases } from './cases.ts';
import { CASE_LIMIT_MS } from './runner.ts';
import { unusedPatterns } from './skip-list.ts';
import { SuiteRun } from './suite.ts';
import { targetTable } from './target-table.ts';

const START_LIMIT_MS = 90_000;

describe('the skip list', () => {
  it('names only cases that there are', () => {
    expect(unusedPatterns()).toEqual([]);
  });
});

describe.each(targetTable)('conformance of $name', (definition) => {
  const obstacle = firstObstacle(definition.obstacle());
  let suite: SuiteRun;

  beforeAll(async () => {
    if (obstacle === undefined) {
      suite = await SuiteRun.start(definition);
    }
  }, START_LIMIT_MS);

  afterAll(() => suite?.end(), START_LIMIT_MS);

  for (const one of conformanceCases) {
    it(one.name, { timeout: 2 * CASE_LIMIT_MS }, async (context) => {
      context.skip(obstacle !== undefined, obstacle);
      const verdict = await suite.judge(one);
      if (verdict.kind === 'failed') {
        expect.fail(verdict.message);
      }
      if (verdict.kind !== 'passed') {
        context.skip(verdict.reason);
      }
    });
  }
});
