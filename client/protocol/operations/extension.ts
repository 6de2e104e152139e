/** Agreeing on extensions, and users with capabilities (EXTENSIONS.md). */

import { Extension } from '../extensions.ts';
import { array, boolean32, i32, structure, u32 } from '../layout.ts';
import { errors, operation } from '../operation.ts';
import { credHandle } from '../types.ts';

export const extensionOperations = {
  EXTENSIONS: operation('EXTENSIONS', {
    category: 'special',
    arguments: ['DAFS_Extensions_Args', structure({ wanted: array(u32) })],
    results: ['DAFS_Extensions_Res', structure({ granted: array(u32) })],
    errors: errors('NOTSUPP'),
  }),
  REGISTER_CRED2: operation('REGISTER_CRED2', {
    category: 'special',
    extension: Extension.CAPABILITIES,
    arguments: [
      'DAFS_Register_Cred2_Args',
      structure({
        uid: i32,
        gid: i32,
        groups: array(i32),
        capabilities: u32,
        keepsAccessTimes: boolean32,
      }),
    ],
    results: ['DAFS_Register_Cred2_Res', structure({ credHandle })],
    errors: errors('CHAIN_FORM', 'INVAL', 'NOT_AUTHORIZED', 'NOTSUPP', 'RESOURCE'),
  }),
};
