/**
 * git clones to the mount, works there, and is cloned from it.
 *
 *     npx vitest run test/applications/git.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/git.test.ts   (2,000 commits)
 */
import { expect } from 'vitest';
import { type ApplicationRun, applicationTest, sized } from './support.ts';

const commits = sized(20, 2000);
const filesPerCommit = 5;

/** A history as git fast-import reads it: files come, change, move and go. */
function history(): string {
  const lines: string[] = [];
  for (let commit = 1; commit <= commits; commit += 1) {
    const message = `commit ${commit}`;
    lines.push('commit refs/heads/main', `mark :${commit}`);
    lines.push(`committer Test <test@example.org> ${1_600_000_000 + commit * 60} +0000`);
    lines.push(`data ${message.length}`, message);
    if (commit > 1) {
      lines.push(`from :${commit - 1}`);
    }
    for (let file = 0; file < filesPerCommit; file += 1) {
      const content = `commit ${commit} file ${file}\n`.repeat(1 + ((commit * 31 + file) % 200));
      lines.push(
        `M 100${file === 0 ? '755' : '644'} inline folder-${commit % 20}/file-${file}.txt`,
      );
      lines.push(`data ${content.length}`, content);
    }
    lines.push('');
  }
  return lines.join('\n');
}

function gitOf({ workspace, succeed }: ApplicationRun) {
  const environment = {
    ...workspace.environment,
    HOME: workspace.directory,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Test',
    GIT_AUTHOR_EMAIL: 'test@example.org',
    GIT_COMMITTER_NAME: 'Test',
    GIT_COMMITTER_EMAIL: 'test@example.org',
  };
  return (args: readonly string[], input = '') => succeed('git', args, { environment, input });
}

applicationTest(
  'git clones, checks, commits and packs on the mount',
  { programs: ['git'] },
  async (application) => {
    const { workspace, driver } = application;
    const git = gitOf(application);
    const origin = workspace.path('origin.git');
    await git(['init', '--quiet', '--bare', '--initial-branch=main', origin]);
    await git(['-C', origin, 'fast-import', '--quiet'], history());

    const request = {
      source: workspace.path('files.sqlite'),
      driver: driver.name,
      directory: workspace.makeDirectory('mount'),
    };
    const clone = `${request.directory}/clone`;
    const first = await workspace.startMount(request);
    await git(['clone', '--quiet', '--no-local', `file://${origin}`, clone]);
    await git(['-C', clone, 'fsck', '--full', '--strict']);
    expect(await git(['-C', clone, 'status', '--porcelain'])).toBe('');
    await git(['-C', clone, 'mv', 'folder-1/file-1.txt', 'moved.txt']);
    await git(['-C', clone, 'commit', '--quiet', '--message', 'from the mount']);
    await git(['-C', clone, 'gc', '--quiet', '--aggressive', '--prune=now']);
    await first.unmount();

    const second = await workspace.startMount(request);
    await git(['-C', clone, 'fsck', '--full', '--strict']);
    expect(await git(['-C', clone, 'status', '--porcelain'])).toBe('');
    const back = workspace.path('back');
    await git(['clone', '--quiet', '--no-local', `file://${clone}`, back]);
    expect(await git(['-C', back, 'rev-parse', 'HEAD'])).toBe(
      await git(['-C', clone, 'rev-parse', 'HEAD']),
    );
    await second.unmount();
  },
);
