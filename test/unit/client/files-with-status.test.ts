/** Finding, making and changing files with their status, from servers with NAMES and without. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  claimOfHandle,
  claimOfName,
  claimOfUnnamed,
  Extension,
  FileClient,
  FilesWithStatus,
  newDirectory,
  newLink,
  newNode,
  ObjectType,
  Session,
} from '../../../client/index.ts';
import { filehandleOf } from '../../../client/protocol/index.ts';
import { type ServerProcess, Workspace } from '../../support/workspace.ts';

const name = (text: string) => new TextEncoder().encode(text);

let workspace: Workspace;
let server: ServerProcess;

beforeAll(async () => {
  workspace = Workspace.create();
  server = await workspace.startServer();
}, 60_000);

afterAll(() => workspace.dispose(), 60_000);

describe.each([
  { title: 'in one request', extensions: [Extension.NAMES] },
  { title: 'in two', extensions: [] },
])('$title', ({ title, extensions }) => {
  let session: Session;
  let files: FileClient;
  let withStatus: FilesWithStatus;
  let directory: ReturnType<FileClient['mkdir']>;

  beforeAll(() => {
    session = Session.connect(server.fabricSocket, { extensions });
    files = new FileClient(session);
    withStatus = new FilesWithStatus(files);
    directory = files.mkdir(files.root, name(title), 0o755);
  });

  afterAll(() => session.close());

  /** The handle that a status leads to, and that both tell of the same file. */
  const handleOf = (status: ReturnType<FileClient['getattr']>) => {
    const handle = filehandleOf(files.fileSystem.fileSystemHandle, status.fileId);
    expect(files.getattr(handle)).toEqual(status);
    return handle;
  };

  test('a file is made, found, opened again, changed and linked', () => {
    const creation = { mode: 'guarded', attributes: { mode: 0o640 } } as const;
    const made = withStatus.open(claimOfName(directory, name('a')), 'both', creation);
    expect(made.status).toMatchObject({ type: ObjectType.DAFS_TYPE_REG, mode: 0o640, links: 1 });
    const handle = handleOf(made.status);
    files.write({ handle, stateId: made.stateId }, 0, name('contents'));
    expect(withStatus.lookup(directory, name('a'))).toMatchObject({ sizeBytes: 8 });
    expect(handleOf(withStatus.setattr(handle, { mode: 0o600, sizeBytes: 3 }))).toEqual(handle);
    expect(withStatus.link(handle, directory, name('b'))).toMatchObject({ mode: 0o600, links: 2 });
    const truncation = { mode: 'unchecked', attributes: { sizeBytes: 0 } } as const;
    const again = withStatus.open(claimOfHandle(handle), 'write', truncation);
    expect(again.status).toMatchObject({ sizeBytes: 0, links: 2 });
    for (const { stateId } of [made, again]) files.closeLater({ handle, stateId });
    expect(() => files.close({ handle, stateId: made.stateId })).toThrow(
      expect.objectContaining({ errno: 'EBADF' }),
    );
  });

  test('a file without a name is made', () => {
    const creation = { mode: 'unchecked', attributes: { mode: 0o600 } } as const;
    const { status, stateId } = withStatus.open(claimOfUnnamed(directory), 'both', creation);
    expect(status).toMatchObject({ links: 0, mode: 0o600 });
    files.close({ handle: handleOf(status), stateId });
  });

  test('objects without data are made', () => {
    const create = (...[label, object]: [string, ReturnType<typeof newLink>]) =>
      withStatus.create(directory, name(label), object);
    expect(create('d', newDirectory(0o711))).toMatchObject({
      type: ObjectType.DAFS_TYPE_DIR,
      mode: 0o711,
    });
    const link = create('link', newLink(name('target')));
    expect(files.readlink(handleOf(link))).toEqual(name('target'));
    expect(create('fifo', newNode('fifo', 0o600))).toMatchObject({
      type: ObjectType.DAFS_TYPE_FIFO,
    });
  });

  test('what fails says so', () => {
    expect(() => withStatus.lookup(directory, name('none'))).toThrow(
      expect.objectContaining({ errno: 'ENOENT' }),
    );
  });
});
