/** The server's requests to the client (section 6.6). */

import { fileAttr } from '../attributes.ts';
import { array, boolean32, structure } from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { attrBitmap, completionNotification, filehandle, stateId } from '../types.ts';

const backControl = { category: 'back-control', channel: 'back-control' } as const;

export const backControlOperations = {
  BC_NULL: operation('BC_NULL', {
    ...backControl,
    arguments: ['DAFS_BC_Null_Args', none],
    results: ['DAFS_BC_Null_Res', none],
    errors: [],
  }),
  BC_BATCH_COMPLETION: operation('BC_BATCH_COMPLETION', {
    ...backControl,
    arguments: [
      'DAFS_BC_Batch_Completion_Args',
      structure({ completions: array(completionNotification) }),
    ],
    results: ['DAFS_BC_Batch_Completion_Res', none],
    errors: [],
  }),
  BC_GETATTR: operation('BC_GETATTR', {
    ...backControl,
    arguments: ['DAFS_BC_Getattr_Args', structure({ filehandle, attrRequestBitmap: attrBitmap })],
    results: ['DAFS_BC_Getattr_Res', structure({ objAttributes: fileAttr })],
    errors: errors('BADHANDLE', 'RESOURCE'),
  }),
  BC_RECALL: operation('BC_RECALL', {
    ...backControl,
    arguments: ['DAFS_BC_Recall_Args', structure({ filehandle, stateId, truncate: boolean32 })],
    results: ['DAFS_BC_Recall_Res', none],
    errors: errors('BADHANDLE', 'BAD_STATEID', 'RESOURCE'),
  }),
};
