/** Telling clients what others change (EXTENSIONS.md, NOTIFY). */

import { Extension } from '../extensions.ts';
import { array, boolean32, pad, structure, u53 } from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { component } from '../types.ts';

const changedFile = structure({
  fileId: u53,
  offset: u53,
  length: u53,
  isData: boolean32,
  pad: pad(4),
});

const changedName = structure({ directory: u53, name: component });

export const notificationOperations = {
  SUBSCRIBE: operation('SUBSCRIBE', {
    category: 'special',
    extension: Extension.NOTIFY,
    arguments: ['DAFS_Subscribe_Args', structure({ wantsNames: boolean32 })],
    results: ['DAFS_Subscribe_Res', structure({ alone: boolean32 })],
    errors: errors('ILLEGAL_STATE', 'NOTSUPP'),
  }),
  BC_CHANGES: operation('BC_CHANGES', {
    category: 'back-control',
    channel: 'back-control',
    extension: Extension.NOTIFY,
    arguments: [
      'DAFS_BC_Changes_Args',
      structure({
        alone: boolean32,
        everything: boolean32,
        files: array(changedFile),
        names: array(changedName),
      }),
    ],
    results: ['DAFS_BC_Changes_Res', none],
    errors: [],
  }),
};
