/**
 * What files have beside their contents, set and copied by the programs that people use.
 *
 *     npx vitest run test/applications/metadata.test.ts
 */
import { expect } from 'vitest';
import { isRoot } from '../support/machine.ts';
import { applicationTest, lackOfXattrs } from './support.ts';

applicationTest(
  'setfacl and getfacl set and show access control lists',
  { programs: ['setfacl', 'getfacl'], lack: lackOfXattrs },
  async ({ workspace, driver, succeed }) => {
    const source = workspace.path('files.sqlite');
    const { directory } = await workspace.startMount({ source, driver: driver.name });
    const shell = (script: string) => succeed('sh', ['-ec', script], { cwd: directory });

    await shell('touch file; setfacl -m u:4002:rw,g:4010:rx,m:rw,o:- file');
    expect(await shell('getfacl -cnE file')).toBe(
      'user::rw-\nuser:4002:rw-\ngroup::r--\ngroup:4010:r-x\nmask::rw-\nother::---\n\n',
    );
    expect(await shell('stat -c %A file')).toBe('-rw-rw----\n');

    await shell('mkdir directory; setfacl -d -m u:4002:rwx directory');
    await shell('umask 077; mkdir directory/inner; touch directory/made');
    const inner = await shell('getfacl -cnE directory/inner');
    expect(inner).toContain('\ndefault:user:4002:rwx');
    expect(inner).toContain('\nuser:4002:rwx');
    expect(await shell('getfacl -cnE directory/made')).toContain('\nmask::rw-');

    await shell('setfacl -x u:4002,g:4010 file; setfacl -b file; setfacl -k directory');
    expect(await shell('getfacl -cnEs file directory')).toBe('');
  },
);

applicationTest(
  'chattr and lsattr set and show flags, which bind root and outlive the mount',
  {
    programs: ['chattr', 'lsattr'],
    needsRoot: true,
    lack: ({ carriesExtensions }) =>
      carriesExtensions ? undefined : 'libfuse 2 passes no ioctl on (mount/drivers/README.md)',
  },
  async ({ workspace, driver, succeed }) => {
    const source = workspace.path('files.sqlite');
    const request = { source, driver: driver.name, directory: workspace.makeDirectory('mount') };
    const shell = (script: string) => succeed('sh', ['-ec', script], { cwd: request.directory });
    const flags = async (path: string) => (await shell(`lsattr -d ${path}`)).split(' ')[0];

    const first = await workspace.startMount(request);
    await shell('echo one > fixed; echo one > journal; mkdir kept; touch kept/name');
    await shell('chattr +i fixed; chattr +a journal kept; chattr +dA kept/name');
    await shell('echo two >> journal; touch kept/another');
    const refused = `for deed in 'echo two >> fixed' 'rm -f fixed' 'chmod 600 fixed' 'echo > journal' \
      'truncate -s 0 journal' 'mv kept/name kept/other' 'chattr +j journal'
      do if (eval "$deed") 2> /dev/null; then echo "$deed"; fi; done`;
    expect(await shell(refused)).toBe('');
    await first.unmount();

    const second = await workspace.startMount(request);
    expect(await flags('fixed')).toMatch(/^-+i-+$/);
    expect(await flags('journal')).toMatch(/^-+a-+$/);
    expect(await flags('kept/name')).toMatch(/^-+dA-+$/);
    expect(await shell(refused)).toBe('');
    expect(await shell('cat fixed journal')).toBe('one\none\ntwo\n');
    await shell('chattr -R -iadA .; rm -r fixed journal kept');
    await second.unmount();
  },
);

/** A tree with everything in it that -a, -H, -A and -X are about. */
const makeTree = `
mkdir -p tree/directory/inner tree/sticky
echo contents > tree/file
chmod 640 tree/file
ln tree/file tree/directory/hard
ln -s ../file tree/directory/symbolic
mkfifo -m 600 tree/directory/fifo
chmod 1777 tree/sticky
chmod 2755 tree/directory/inner
setfacl -m u:4002:rw,g:4010:x tree/file
setfacl -m u:4002:rwx tree/directory
setfacl -d -m u:4002:rwx,g::rx,o:- tree/directory
setfattr -n user.mime_type -v text/plain tree/file
setfattr -n user.empty tree/file
setfattr -n user.binary -v 0x00ff017f tree/directory/inner
setfattr -n user.long -v $(head -c 3000 /dev/zero | tr '\\0' x) tree/directory
`;

const makeTreeAsRoot = `
echo program > tree/program
chmod 755 tree/program
setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 tree/program
setfattr -n trusted.overlay -v y tree/directory
setfattr -h -n trusted.link -v y tree/directory/symbolic
mknod tree/device c 1 3
chown -h 4001:4002 tree/file tree/directory/symbolic
chmod 4750 tree/file
`;

/** All that find, getfacl and getfattr say of the tree $1. */
const describeTree = `
cd "$1"
find . | LC_ALL=C sort > ../$$.paths
xargs -a ../$$.paths stat -c '%n %A %h %u:%g %t,%T %F %N'
xargs -a ../$$.paths stat -c '%n %Y'
find . -type f | LC_ALL=C sort | xargs md5sum
find . ! -type l | LC_ALL=C sort | xargs getfacl -nE
xargs -a ../$$.paths getfattr -h -d -m - -e hex
rm ../$$.paths
`;

/** From $1 to $2, which does not exist. */
const copiers: Readonly<Record<string, string>> = {
  'cp -a': 'cp -a "$1" "$2"',
  'rsync -aHAX': 'rsync -aHAX "$1/" "$2/"',
  tar: `mkdir "$2"; tar --xattrs --xattrs-include='*' --acls -C "$1" -cf - . |
        tar --xattrs --xattrs-include='*' --acls -C "$2" -xpf -`,
};

for (const [title, copy] of Object.entries(copiers)) {
  applicationTest(
    `${title} keeps owners, modes, links, lists and attributes, to the mount and back`,
    {
      programs: ['cp', 'rsync', 'tar', 'setfacl', 'getfacl', 'setfattr', 'getfattr'],
      lack: lackOfXattrs,
    },
    async ({ workspace, driver, succeed }) => {
      const shell = (script: string, ...values: string[]) =>
        succeed('sh', ['-ec', script, 'sh', ...values], { cwd: workspace.directory });
      await shell(makeTree);
      if (isRoot()) {
        await shell(makeTreeAsRoot);
      }
      const original = await shell(describeTree, 'tree');
      for (const part of ['user:4002:rwx', 'user.mime_type', './directory/hard -rw']) {
        expect(original).toContain(part);
      }

      const request = {
        source: workspace.path('files.sqlite'),
        driver: driver.name,
        directory: workspace.makeDirectory('mount'),
        options: isRoot() ? ['dev'] : [],
      };
      const there = `${request.directory}/copy`;
      const first = await workspace.startMount(request);
      await shell(copy, 'tree', there);
      expect(await shell(describeTree, there)).toBe(original);
      await first.unmount();

      const second = await workspace.startMount(request);
      expect(await shell(describeTree, there)).toBe(original);
      await shell(copy, there, 'back');
      expect(await shell(describeTree, 'back')).toBe(original);
      await second.unmount();
    },
  );
}
