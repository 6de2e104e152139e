import type { PlantedBug } from './module-hooks.ts';

/** Bugs that the simulation has to find: what each takes away is what some promise rests on. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'no sync',
    module: 'server/engine/stable-answers.ts',
    edits: [
      ['this.#store.durability.beginSync(isAlone);', 'this.#store.durability.applyIntents();'],
    ],
  },
  {
    name: 'data not flushed before a sync',
    module: 'server/engine/stable-answers.ts',
    edits: [['if (stableFile !== undefined) {', 'if (stableFile === 0) {']],
  },
  {
    name: 'answers before the sync has ended',
    module: 'server/engine/stable-answers.ts',
    edits: [
      [
        'if (!this.#store.durability.syncHasEnded()) {',
        'if (this.#store.durability === undefined) {',
      ],
    ],
  },
  {
    name: 'answers before the commit',
    module: 'server/engine/engine.ts',
    edits: [
      ['const failure = this.#commit();', 'const failure = undefined as DafsStatus | undefined;'],
      ['this.#answered.length = 0;', 'this.#answered.length = 0;\n    this.#commit();'],
    ],
  },
  {
    name: 'requests that were done are made again',
    module: 'client/recovery.ts',
    edits: [["if (fate === 'done') {", 'if (fate === undefined) {']],
  },
  {
    name: 'responses are not kept',
    module: 'server/engine/engine.ts',
    edits: [['    this.#keep(exchange);\n', '']],
  },
  {
    name: 'the intent log keeps its epoch',
    module: 'server/store/transaction.ts',
    edits: [['const epoch = newEpoch();', 'const { epoch } = this.#intents;']],
  },
  {
    name: 'a batch of the intent log is not checked',
    module: 'server/store/intent-format.ts',
    edits: [['file.readUInt32LE(at + header.CHECKSUM) ===', 'file.readUInt32LE(at) !== -1 + 0 *']],
  },
  {
    name: 'the intent log begins anew over what a sync has promised',
    module: 'server/store/intent-log.ts',
    edits: [['this.#turn = this.#idle;', '']],
  },
  {
    name: 'the idle file of the intent log is taken while it is needed',
    module: 'server/store/durability.ts',
    edits: [
      [
        'if (this.#intents.isPromised && this.#stable',
        'if (this.#logSync === undefined && this.#stable',
      ],
    ],
  },
  {
    name: 'the intent log is not synced',
    module: 'server/store/durability.ts',
    edits: [['...(isLogged ? [] : [descriptor])', '']],
  },
  {
    name: 'a server believes a log whose sync has failed',
    module: 'server/store/open.ts',
    edits: [['    makeStable(database, path);\n', '']],
  },
  {
    name: 'unstable data of a round that was not acknowledged',
    module: 'server/store/left-data.ts',
    edits: [['return hasEnded ? Math.max(', 'return !hasEnded || hasEnded ? Math.max(']],
  },
  {
    name: 'unstable data are lost with the server',
    module: 'server/data-plane/registered-memory.ts',
    edits: [['unstable: file?.record,', 'unstable: undefined,']],
  },
  {
    name: 'SQLite syncs nothing when it moves its log',
    module: 'server/store/open.ts',
    edits: [["database.pragma('synchronous = NORMAL');", "database.pragma('synchronous = OFF');"]],
  },
  {
    name: 'a failed sync is tried again',
    module: 'server/store/durability.ts',
    edits: [['this.#transaction.breakDown(failure);', '']],
  },
  {
    name: 'locks are lost with the server',
    module: 'server/state/held-state.ts',
    edits: [['    this.#locks.record();\n', '']],
  },
  // Those that follow were there, until the simulation found them.
  {
    name: 'a client gives up while the disk fails',
    module: 'client/recovery.ts',
    edits: [["'DAFSERR_RESOURCE', 'DAFSERR_IO'", "'DAFSERR_RESOURCE'"]],
  },
  {
    name: 'a write is half done when the disk fails',
    module: 'server/block-cache.ts',
    edits: [['      this.#store.contents.requireWritable();\n    } catch', '    } catch']],
  },
];
