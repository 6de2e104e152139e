/** Agreeing on extensions (EXTENSIONS.md). */

import { array, structure, u32 } from '../layout.ts';
import { errors, operation } from '../operation.ts';

export const extensionOperations = {
  EXTENSIONS: operation('EXTENSIONS', {
    category: 'special',
    arguments: ['DAFS_Extensions_Args', structure({ wanted: array(u32) })],
    results: ['DAFS_Extensions_Res', structure({ granted: array(u32) })],
    errors: errors('NOTSUPP'),
  }),
};
