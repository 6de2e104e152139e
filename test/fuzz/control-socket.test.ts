/**
 * The control socket against what chance makes of requests: whoever asks properly meanwhile is answered.
 * `DAFS_FUZZ_SECONDS` and `DAFS_FUZZ_SEED` prolong and repeat it.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { ControlSocket } from '../../server/control-socket.ts';
import { Random } from '../support/random.ts';
import { fuzzSeed } from './support/fuzz.ts';
import { mutant } from './support/mutations.ts';

const SECONDS = Number(process.env.DAFS_FUZZ_SECONDS ?? 1);
const SEED = fuzzSeed();

const seeds = [
  '{"command":"status"}\n',
  '{"command":"backup","target":"/nowhere"}\n{"command":"status"}\n',
  '[1,{"command":null}]\n"status"\n\n{}\n',
].map((line) => Buffer.from(line));

it(`survives what it cannot read (seed ${SEED})`, {
  timeout: 60_000 + 2000 * SECONDS,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'dafs-control-'));
  const path = join(directory, 'control');
  const answer = () => Promise.resolve({ fine: true });
  const refusal = () => Promise.reject(new Error('no'));
  const commands = new Map([
    ['status', answer],
    ['backup', refusal],
  ]);
  const control = await ControlSocket.listen(path, commands);
  const random = new Random(SEED);
  const endMs = performance.now() + 1000 * SECONDS;
  let inputs = 0;
  while (performance.now() < endMs) {
    const bad = createConnection(path);
    bad.on('error', () => undefined);
    bad.write(mutant(seeds, random));
    if (random.oneIn(2)) bad.end();
    inputs += 1;
    if (inputs % 20 === 0) {
      const good = createConnection(path);
      good.write('{"command":"status"}\n');
      const [line] = (await once(createInterface({ input: good }), 'line')) as [string];
      expect(line).toBe('{"fine":true}');
      good.destroy();
    }
    if (random.oneIn(2)) bad.destroy();
    else setTimeout(() => bad.destroy(), 5);
  }
  expect(inputs).toBeGreaterThan(20);
  control.close();
  rmSync(directory, { recursive: true });
});
