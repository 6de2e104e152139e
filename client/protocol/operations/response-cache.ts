/** Recovery of responses after a failure (section 6.3). */

import { structure, u16, u32 } from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { sessionId } from '../types.ts';

const transaction = structure({ sessionId, xidStream: u16, xidSeq: u16, procedure: u32 });

export const responseCacheOperations = {
  CHECK_RESPONSE: operation('CHECK_RESPONSE', {
    category: 'simple',
    arguments: ['DAFS_Check_Response_Args', transaction],
    results: ['DAFS_Check_Response_Res', none],
    errors: errors('CHAIN_BROKEN', 'NOXID_MATCH', 'UNKNOWN_SESSION'),
  }),
  /** Its results are those of the fetched response: decode them by that procedure's codec. */
  FETCH_RESPONSE: operation('FETCH_RESPONSE', {
    category: 'simple',
    arguments: ['DAFS_Fetch_Response_Args', transaction],
    results: ['DAFS_Fetch_Response_Res', none],
    resultsOnError: 'always',
    errors: [],
  }),
  DISCARD_RESPONSES: operation('DISCARD_RESPONSES', {
    category: 'special',
    arguments: ['DAFS_Discard_Responses_Args', structure({ sessionId })],
    results: ['DAFS_Discard_Responses_Res', none],
    errors: errors('CHAIN_FORM', 'NOT_AUTHORIZED', 'UNKNOWN_SESSION'),
  }),
};
