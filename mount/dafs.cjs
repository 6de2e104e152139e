#!/usr/bin/env node
// biome-ignore-all lint/style/useNodejsImportProtocol: an old Node does not know the prefix.
'use strict';

// The `dafs` command starts here, under whatever Node the user has. This file is written in the
// JavaScript of 2018, so that an old Node can read it and hand over to the one that npm installed.

const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');
const url = require('url');

const REQUIRED_MAJOR = 24;

/** The Node that npm installed with dafs: the package for this machine, or `node` around it. */
function findInstalledNode() {
  for (const name of [`node-${process.platform}-${process.arch}`, 'node']) {
    try {
      const manifest = require.resolve(`${name}/package.json`);
      const program = path.join(path.dirname(manifest), 'bin', 'node');
      if (fs.existsSync(program)) return program;
    } catch {
      // Not installed: the next one may be.
    }
  }
  return undefined;
}

// A checkout has the sources, a published package what was built of them: Node strips no types of
// what lies in node_modules.
function findMain() {
  const source = path.join(__dirname, 'main.ts');
  return fs.existsSync(source) ? source : path.join(__dirname, '..', 'dist', 'mount', 'main.js');
}

function fail(text) {
  process.stderr.write(`dafs: ${text}\n`);
  process.exitCode = 1;
}

function runWith(program) {
  const args = [findMain()].concat(process.argv.slice(2));
  const child = childProcess.spawn(program, args, { stdio: 'inherit' });
  // Ctrl-C reaches both processes by itself; the others reach only this one.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`cannot run ${program}: ${error.message}`));
  child.on('exit', (status, signal) => {
    process.exitCode = signal ? 1 : status;
  });
}

/**
 * Keeps what Node makes of the sources (types stripped, code compiled) for the next start, which is
 * then three times as fast and needs less memory: Node does not even load what strips types. Where
 * the folder cannot be written, nothing is kept.
 */
function keepCompiledCode() {
  const folder = path.join(__dirname, '..', 'node_modules', '.cache', 'dafs-compiled');
  require('module').enableCompileCache(folder);
  // For the processes that this one starts, and their threads.
  if (process.env.NODE_COMPILE_CACHE === undefined) process.env.NODE_COMPILE_CACHE = folder;
}

function runHere() {
  keepCompiledCode();
  import(url.pathToFileURL(findMain()).href).catch((error) => fail(error.stack || error));
}

const installed = findInstalledNode();
if (Number(process.versions.node.split('.')[0]) >= REQUIRED_MAJOR) runHere();
else if (installed) runWith(installed);
else {
  fail(
    `needs Node ${REQUIRED_MAJOR} or later, and this is ${process.version}; ` +
      'npm ci (or npm install dafs) brings one along, unless optional dependencies are left out',
  );
}
