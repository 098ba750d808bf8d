#!/usr/bin/env node
/**
 * Runs files of sender vectors through `receive`: npm run vectors -- FILE…
 * Without arguments: every file of libs/sources/vectors. Prints each mismatch, then `N passed, N failed`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkVector } from '../libs/sources/dist/vectors.js';

const folder = fileURLToPath(new URL('../libs/sources/vectors/', import.meta.url));
const given = process.argv.slice(2);
const files = given.length > 0 ? given : readdirSync(folder).map((name) => folder + name);

let passed = 0;
let failed = 0;

function report(where, difference) {
  if (difference === undefined) passed++;
  else {
    failed++;
    console.log(`${where}: ${difference}`);
  }
}

function read(file) {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8'));
    const vectors = Array.isArray(content) ? content : content.vectors;
    if (Array.isArray(vectors) && vectors.length > 0) return vectors;
    throw new Error('holds no array of vectors');
  } catch (error) {
    report(file, error.message);
    return [];
  }
}

function check(vector) {
  try {
    return checkVector(vector, new Date());
  } catch (error) {
    return `threw ${error.stack}`;
  }
}

for (const file of files) {
  for (const vector of read(file)) report(`${file}: ${vector.sender} ${vector.scheme} "${vector.name}"`, check(vector));
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
