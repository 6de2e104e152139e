/** Reading the server's block cache (extension ORDMA of EXTENSIONS.md). */

import { Extension } from '../extensions.ts';
import { opaque, pad, structure, u32, u53 } from '../layout.ts';
import { errors, operation } from '../operation.ts';

export const ordmaOperations = {
  ORDMA_EXPORT: operation('ORDMA_EXPORT', {
    category: 'special',
    extension: Extension.ORDMA,
    arguments: ['DAFS_Ordma_Export_Args', structure({})],
    results: [
      'DAFS_Ordma_Export_Res',
      structure({
        address: u53,
        byteCount: u53,
        handle: u32,
        slots: u32,
        blockBytes: u32,
        pad: pad(4),
      }),
    ],
    errors: errors('NOTSUPP', 'RESOURCE'),
  }),
  ORDMA_USED: operation('ORDMA_USED', {
    category: 'special',
    extension: Extension.ORDMA,
    arguments: ['DAFS_Ordma_Used_Args', structure({ firstSlot: u32, used: opaque })],
    results: ['DAFS_Ordma_Used_Res', structure({})],
    errors: errors('INVAL', 'NOTSUPP'),
  }),
};
