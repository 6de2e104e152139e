/**
 * rsync and tar carry a tree with everything that a file can have there and back: hard links, holes,
 * devices, owners, nanoseconds, ACLs, extended attributes, names that are no text.
 *
 *     npx vitest run test/applications/tree.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/tree.test.ts   (10,000 files)
 */
import { expect } from 'vitest';
import { isRoot } from '../support/machine.ts';
import { type ApplicationRun, applicationTest, lackOfXattrs, sized } from './support.ts';

const files = sized(80, 10_000);

/** What a tree holds that copies like to lose, and then many small files of all modes. */
const makeTree = `
set -eu
mkdir "$1"; cd "$1"
mkdir -p plain sticky shared deep/er/and/deep/er
chmod 1777 sticky; chmod 2775 shared
echo content >plain/file; chmod 4755 plain/file
ln plain/file deep/er/second-name; ln plain/file third-name
ln -s plain/file link; ln -s /nowhere/at/all dangling; ln -s "$(printf 'x%.0s' $(seq 1000))" deep/long
truncate -s 100M holes; echo middle | dd of=holes bs=1M seek=50 conv=notrunc status=none
echo end >>holes
printf '\\0' >"$(printf 'not\\377text')"; : >' leading and trailing '; : >"$(printf 'new\\nline')"
mkfifo pipe
setfattr -n user.small -v value plain/file
setfattr -n user.large -v "$(head -c 3000 /dev/zero | tr '\\0' v)" deep
setfacl -m u:4001:rwx,g:4002:r-x,m::rwx plain/file
setfacl -d -m u:4001:rwx,g:4002:r-x shared
if [ "$(id -u)" = 0 ]; then
  mknod device-c c 1 7; mknod device-b b 7 200
  setfattr -n trusted.secret -v hidden plain
  chown 4001:4002 plain sticky/.; chown -h 4003 link; chown 4003:4003 holes
fi
i=0
while [ $i -lt $2 ]; do
  mkdir -p "many/$((i % 17))"; f="many/$((i % 17))/$i"
  head -c $((i * 37 % 9000)) /bin/sh >"$f"; chmod $((i % 8))$((i / 8 % 8))4 "$f"
  touch -d "@$((1000000000 + i * 7919)).$((100000001 + i * 31))" "$f"
  i=$((i + 1))
done
touch -h -d @1111111111.123456789 dangling
touch -d @1222222222.987654321 plain sticky deep/er .
`;

const programs = ['rsync', 'tar', 'sh', 'setfattr', 'setfacl', 'mkfifo', 'truncate', 'touch'];

/** What differs, as rsync would have to mend it; empty when nothing does. */
function difference({ succeed }: ApplicationRun, from: string, to: string): Promise<string> {
  const args = ['-aHAXSin', '--numeric-ids', '--checksum', '--delete', `${from}/`, `${to}/`];
  return succeed('rsync', args);
}

applicationTest(
  'rsync and tar find everything again that a file can have',
  {
    programs,
    lack: lackOfXattrs,
  },
  async (application) => {
    const { workspace, driver, succeed } = application;
    const tree = workspace.path('tree');
    await succeed('sh', ['-c', makeTree, 'sh', tree, `${files}`]);
    const request = {
      source: workspace.path('files.sqlite'),
      driver: driver.name,
      directory: workspace.makeDirectory('mount'),
      options: isRoot() ? ['dev', 'suid'] : [],
    };
    const byRsync = `${request.directory}/rsync`;
    const byTar = `${request.directory}/tar`;
    const archive = workspace.path('tree.tar');
    const tarOptions = ['--xattrs', '--xattrs-include=*', '--acls', '--sparse', '--numeric-owner'];
    const pack = (from: string) =>
      succeed('tar', [...tarOptions, '--format=posix', '-cf', archive, '-C', from, '.']);
    const unpack = async (to: string) => {
      await succeed('mkdir', [to]);
      await succeed('tar', [...tarOptions, '-xpf', archive, '-C', to]);
    };

    const first = await workspace.startMount(request);
    await succeed('rsync', ['-aHAXS', '--numeric-ids', `${tree}/`, `${byRsync}/`]);
    await pack(tree);
    await unpack(byTar);
    await first.unmount();

    const second = await workspace.startMount(request);
    expect(await difference(application, tree, byRsync)).toBe('');
    expect(await difference(application, tree, byTar)).toBe('');
    const usedKib = Number((await succeed('du', ['-sk', `${byRsync}/holes`])).split('\t')[0]);
    expect(usedKib, 'the holes are stored').toBeLessThan(1024);

    const back = workspace.path('back');
    await succeed('rsync', ['-aHAXS', '--numeric-ids', `${byTar}/`, `${back}/`]);
    expect(await difference(application, tree, back)).toBe('');
    await pack(byRsync);
    const unpacked = workspace.path('unpacked');
    await unpack(unpacked);
    expect(await difference(application, tree, unpacked)).toBe('');
    expect(isRoot() ? await succeed('stat', ['-c', '%t,%T', `${byTar}/device-b`]) : '7,c8\n').toBe(
      '7,c8\n',
    );
    await second.unmount();
  },
);
