// A disk whose power can be cut, as a FUSE file system (linux/fuse.h, protocol 7.38): speaks with the kernel by
// /dev/fuse. Arguments: where to mount it. Messages: {cut: chance that a page which was not flushed is kept, seed},
// answered with the number of lost pages, and 'power': on again.
import { spawn } from 'node:child_process';
import { openSync, read, writeSync } from 'node:fs';
import { Files } from './files.mjs';

const [mountPoint] = process.argv.slice(2);
const device = openSync('/dev/fuse', 'r+');
const files = new Files();
const longestWrite = 131_072;
const headerBytes = 40;
const codes = { ENOENT: 2, EIO: 5, EEXIST: 17, ENOTEMPTY: 39, ENOSYS: 38 };
/** Bits of `valid` in fuse_setattr_in. */
const sets = { mode: 1, uid: 2, gid: 4, size: 8, changedAt: 32 };
let hasPower = true;
const listings = new Map();

class Refusal extends Error {
  constructor(code) {
    super(code);
    this.errno = codes[code];
  }
}

/** fuse_attr */
function attributes({ number, mode, uid, gid, changedAt, content }) {
  const out = Buffer.alloc(88);
  const size = content?.size ?? 4_096;
  out.writeBigUInt64LE(BigInt(number), 0);
  out.writeBigUInt64LE(BigInt(size), 8);
  out.writeBigUInt64LE(BigInt(Math.ceil(size / 512)), 16);
  for (const at of [24, 32, 40]) out.writeBigUInt64LE(BigInt(Math.floor(changedAt / 1_000)), at);
  for (const [at, value] of [
    [60, mode],
    [64, content ? 1 : 2],
    [68, uid],
    [72, gid],
    [80, 4_096],
  ])
    out.writeUInt32LE(value, at);
  return out;
}

/** fuse_entry_out: nothing about it is kept by the kernel, which would not hear of what is lost. */
function entry(node) {
  const head = Buffer.alloc(40);
  head.writeBigUInt64LE(BigInt(node.number), 0);
  return Buffer.concat([head, attributes(node)]);
}

const attributesOut = (node) => Buffer.concat([Buffer.alloc(16), attributes(node)]);

/** fuse_open_out */
function opened(handle) {
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(BigInt(handle), 0);
  return out;
}

const texts = (body, from) => body.subarray(from).toString().split('\0');

function found(folder, name) {
  const node = folder.entries.get(name);
  if (!node) throw new Refusal('ENOENT');
  return node;
}

function make({ node, body, uid, gid }, from, kind) {
  const [name] = texts(body, from);
  if (node.entries.has(name)) throw new Refusal('EEXIST');
  const mode = body.readUInt32LE(kind === 0o100000 ? 4 : 0);
  return files.make(node, name, { mode: kind | (mode & 0o7777), uid, gid });
}

function remove({ node, body }) {
  const [name] = texts(body, 0);
  if (found(node, name).entries?.size) throw new Refusal('ENOTEMPTY');
  node.entries.delete(name);
}

function rename({ node, body }, from) {
  const [name, newName] = texts(body, from);
  found(node, name);
  files.rename(node, name, files.get(Number(body.readBigUInt64LE(0))), newName);
}

function link({ node, body }) {
  const [name] = texts(body, 8);
  if (node.entries.has(name)) throw new Refusal('EEXIST');
  const linked = files.get(Number(body.readBigUInt64LE(0)));
  node.entries.set(name, linked);
  return entry(linked);
}

function setAttributes({ node, body }) {
  const valid = body.readUInt32LE(0);
  if (valid & sets.size) node.content.resize(Number(body.readBigUInt64LE(16)));
  if (valid & sets.mode) node.mode = (node.mode & 0o170000) | (body.readUInt32LE(68) & 0o7777);
  if (valid & sets.uid) node.uid = body.readUInt32LE(76);
  if (valid & sets.gid) node.gid = body.readUInt32LE(80);
  if (valid & sets.changedAt) node.changedAt = Number(body.readBigUInt64LE(40)) * 1_000;
  return attributesOut(node);
}

function write({ node, body }) {
  const size = body.readUInt32LE(16);
  node.content.write(Number(body.readBigUInt64LE(8)), body.subarray(40, 40 + size));
  node.changedAt = Date.now();
  const out = Buffer.alloc(8);
  out.writeUInt32LE(size, 0);
  return out;
}

function allocate({ node, body }) {
  const end = Number(body.readBigUInt64LE(8) + body.readBigUInt64LE(16));
  if (end > node.content.size) node.content.resize(end);
}

function list({ node }) {
  const handle = listings.size + 1;
  listings.set(handle, [['.', node], ['..', node], ...node.entries]);
  return opened(handle);
}

function readList({ body }) {
  const all = listings.get(Number(body.readBigUInt64LE(0)));
  const most = body.readUInt32LE(16);
  const out = [];
  let bytes = 0;
  for (let at = Number(body.readBigUInt64LE(8)); at < all.length; at += 1) {
    const [name, { number, mode }] = all[at];
    const text = Buffer.from(name);
    const one = Buffer.alloc(Math.ceil((24 + text.length) / 8) * 8);
    one.writeBigUInt64LE(BigInt(number), 0);
    one.writeBigUInt64LE(BigInt(at + 1), 8);
    one.writeUInt32LE(text.length, 16);
    one.writeUInt32LE(mode >> 12, 20);
    text.copy(one, 24);
    bytes += one.length;
    if (bytes > most) break;
    out.push(one);
  }
  return Buffer.concat(out);
}

/** fuse_init_out: no cache of writes in the kernel, so that what is not flushed is here. */
function init({ body }) {
  const out = Buffer.alloc(64);
  out.writeUInt32LE(7, 0);
  out.writeUInt32LE(31, 4);
  out.writeUInt32LE(body.readUInt32LE(8), 8);
  out.writeUInt32LE(1 << 5, 12); // writes of more than a page
  out.writeUInt16LE(16, 16);
  out.writeUInt16LE(12, 18);
  out.writeUInt32LE(longestWrite, 20);
  out.writeUInt32LE(1, 24);
  return out;
}

function statistics() {
  const out = Buffer.alloc(80);
  for (const at of [0, 8, 16, 24, 32]) out.writeBigUInt64LE(4_194_304n, at);
  for (const [at, value] of [
    [40, 4_096],
    [44, 255],
    [48, 4_096],
  ])
    out.writeUInt32LE(value, at);
  return out;
}

/** By opcode; those that are missing are not known here, which the kernel takes for an answer. */
const operations = {
  1: ({ node, body }) => entry(found(node, texts(body, 0)[0])),
  3: ({ node }) => attributesOut(node),
  4: setAttributes,
  9: (request) => entry(make(request, 8, 0o40000)),
  10: remove,
  11: remove,
  12: (request) => rename(request, 8),
  13: link,
  14: () => opened(0),
  15: ({ node, body }) => node.content.read(Number(body.readBigUInt64LE(8)), body.readUInt32LE(16)),
  16: write,
  17: statistics,
  18: () => {},
  20: ({ node }) => node.content.flush(),
  25: () => {},
  26: init,
  27: list,
  28: readList,
  29: ({ body }) => void listings.set(Number(body.readBigUInt64LE(0)), []),
  30: () => {},
  35: (request) => Buffer.concat([entry(make(request, 16, 0o100000)), opened(0)]),
  43: allocate,
  45: (request) => rename(request, 16),
};
/** FORGET, INTERRUPT and BATCH_FORGET expect no answer. */
const unanswered = new Set([2, 36, 42]);

function answerTo(opcode, request) {
  const operation = operations[opcode];
  if (!operation) throw new Refusal('ENOSYS');
  if (!hasPower) throw new Refusal('EIO');
  return operation(request) ?? Buffer.alloc(0);
}

function serve(bytes) {
  const opcode = bytes.readUInt32LE(4);
  if (unanswered.has(opcode)) return;
  const head = Buffer.alloc(16);
  bytes.copy(head, 8, 8, 16);
  let body = Buffer.alloc(0);
  try {
    const node = files.get(Number(bytes.readBigUInt64LE(16)));
    const [uid, gid] = [bytes.readUInt32LE(24), bytes.readUInt32LE(28)];
    body = answerTo(opcode, { node, uid, gid, body: bytes.subarray(headerBytes) });
  } catch (error) {
    head.writeInt32LE(-(error.errno ?? codes.EIO), 4);
    if (!(error instanceof Refusal)) console.error(opcode, error);
  }
  head.writeUInt32LE(16 + body.length, 0);
  try {
    writeSync(device, Buffer.concat([head, body]));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error; // whoever asked was killed
  }
}

const buffer = Buffer.alloc(longestWrite + 65_536);
function listen() {
  read(device, buffer, 0, buffer.length, null, (error, length) => {
    if (error?.code === 'ENODEV') process.exit(0); // unmounted
    if (error?.code === 'EPERM') return setTimeout(listen, 5); // not mounted yet
    if (error && !['EINTR', 'EAGAIN', 'ENOENT'].includes(error.code)) throw error;
    if (!error) serve(Buffer.from(buffer.subarray(0, length)));
    listen();
  });
}

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

process.on('message', (message) => {
  if (message === 'power') hasPower = true;
  else hasPower = false;
  if (message === 'power') return process.send({ lost: 0 });
  const roll = dice(message.seed);
  process.send({ lost: files.lose(() => roll() < message.cut) });
});
process.on('disconnect', () => spawn('umount', ['-l', mountPoint]));

const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions';
const mount = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'hookcast-lossy', mountPoint], {
  stdio: ['ignore', 'ignore', 'inherit', device],
});
mount.on('exit', (code) => {
  if (code === 0) process.send('mounted');
  else process.exit(1);
});
listen();
