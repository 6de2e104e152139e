/** What the mount shall reach, on two cores: the one table of it. */
import type { Target } from '../support/row.ts';

/** What the mount by the kernel driver is compared with; `places.ts` tells what each is. */
export type Reference = 'ceiling' | 'fuse-native' | 'local' | 'never polling';

/** By row: the target of each ratio. */
export const ratioTargets: Readonly<Record<string, Partial<Record<Reference, Target>>>> = {
  '4 KiB random read': { ceiling: { atLeast: 0.85 }, 'fuse-native': { atLeast: 2.5 } },
  '4 KiB random read, 4 × 16': { ceiling: { atLeast: 0.8 }, 'fuse-native': { atLeast: 2 } },
  '128 KiB read': { ceiling: { atLeast: 0.8 }, 'fuse-native': { atLeast: 2.5 } },
  '1 MiB read': { ceiling: { atLeast: 0.8 }, 'fuse-native': { atLeast: 3 } },
  '1 MiB write, fsync': { ceiling: { atLeast: 0.6 }, 'fuse-native': { atLeast: 1.5 } },
  'buffered read, cold': { local: { atLeast: 0.7, orValueAtLeast: 1.5 } },
  'create, write 1 KiB, close': { 'fuse-native': { atLeast: 2 } },
  stat: { 'fuse-native': { atLeast: 2 } },
  'readdir with attributes': { 'fuse-native': { atLeast: 2 } },
  unlink: { 'fuse-native': { atLeast: 2 } },
  '4 KiB random read, 4 × 16, processors busy': { 'never polling': { atLeast: 0.5 } },
  '128 KiB read, processors busy': { 'never polling': { atLeast: 0.5 } },
};

/** By row: the target of the figure itself. */
export const valueTargets: Readonly<Record<string, Target>> = {
  'idle, mount and server': { atMost: 1 },
  'memory of the mount': { atMost: 200 },
  'memory of the server, beyond its cache': { atMost: 200 },
  'growth of the mount': { atMost: 10 },
  'growth of the server': { atMost: 10 },
};
