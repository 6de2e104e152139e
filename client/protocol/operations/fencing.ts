/** Fencing (section 6.4). */

import { FencedObject, FencingAccess, FencingUpdate } from '../constants.ts';
import { array, enumeration, structure, text } from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { filehandle } from '../types.ts';

/** dafs_fence_array_type: fencing ids behind offsets, for only pathnames are encoded in place. */
const fenceList = array(text);

export const fencingOperations = {
  GET_FENCING_LIST: operation('GET_FENCING_LIST', {
    category: 'special',
    arguments: ['DAFS_Get_Fencing_List_Args', structure({ filehandle })],
    results: ['DAFS_Get_Fencing_List_Res', structure({ fenceList })],
    errors: errors('CHAIN_FORM', 'INVAL', 'NOT_AUTHORIZED'),
  }),
  SET_FENCING_LIST: operation('SET_FENCING_LIST', {
    category: 'special',
    arguments: [
      'DAFS_Set_Fencing_List_Args',
      structure({
        filehandle,
        object: enumeration(FencedObject),
        access: enumeration(FencingAccess),
        update: enumeration(FencingUpdate),
        fenceList,
      }),
    ],
    results: ['DAFS_Set_Fencing_List_Res', none],
    errors: errors('CHAIN_FORM', 'INVAL', 'NOT_AUTHORIZED'),
  }),
};
