// Files in memory that remember what of them was flushed: a power cut takes the rest.

export const pageBytes = 4_096;
const zeros = Buffer.alloc(pageBytes);

/** The bytes of a file, in pages. What was written since the last flush is apart from what a disk is bound to keep. */
export class Content {
  size = 0;
  #pages = new Map();
  #flushed = new Map();
  #flushedSize = 0;
  #dirty = new Set();

  read(offset, length) {
    const end = Math.min(this.size, offset + length);
    const parts = [];
    for (let at = offset; at < end;) {
      const from = at % pageBytes;
      const to = Math.min(pageBytes, from + end - at);
      parts.push((this.#pages.get(Math.floor(at / pageBytes)) ?? zeros).subarray(from, to));
      at += to - from;
    }
    return Buffer.concat(parts);
  }

  write(offset, bytes) {
    for (let done = 0; done < bytes.length;) {
      const at = offset + done;
      const number = Math.floor(at / pageBytes);
      const from = at % pageBytes;
      const count = Math.min(pageBytes - from, bytes.length - done);
      bytes.copy(this.#own(number), from, done, done + count);
      done += count;
    }
    this.size = Math.max(this.size, offset + bytes.length);
  }

  resize(size) {
    if (size < this.size) {
      const last = Math.floor(size / pageBytes);
      for (const number of this.#pages.keys()) if (number > last) this.#drop(number);
      if (this.#pages.has(last)) this.#own(last).fill(0, size % pageBytes);
    }
    this.size = size;
  }

  flush() {
    for (const number of this.#dirty) {
      const page = this.#pages.get(number);
      if (page) this.#flushed.set(number, page);
      else this.#flushed.delete(number);
    }
    this.#dirty.clear();
    this.#flushedSize = this.size;
  }

  /**
   * The power is gone. Of what was not flushed the disk has kept some pages and lost the others: Postgres's own have two
   * of these, so some of them are torn.
   *
   * @param keeps whether the disk had written this page by chance
   * @returns pages that are lost
   */
  lose(keeps) {
    let lost = 0;
    let end = this.#flushedSize;
    for (const number of this.#dirty) {
      if (keeps()) {
        end = Math.max(end, Math.min(this.size, (number + 1) * pageBytes));
        continue;
      }
      lost += 1;
      const page = this.#flushed.get(number);
      if (page) this.#pages.set(number, page);
      else this.#pages.delete(number);
    }
    this.size = end;
    this.flush();
    return lost;
  }

  /** A page to write to: never one that is flushed. */
  #own(number) {
    if (!this.#dirty.has(number)) {
      this.#pages.set(number, Buffer.from(this.#pages.get(number) ?? zeros));
      this.#dirty.add(number);
    }
    return this.#pages.get(number);
  }

  #drop(number) {
    this.#pages.delete(number);
    this.#dirty.add(number);
  }
}

/** Directories and files by number. Names are kept at once, as a file system with a journal does; bytes are not. */
export class Files {
  #nodes = new Map();

  constructor() {
    this.root = this.#add({ mode: 0o40777, uid: 0, gid: 0, entries: new Map() });
  }

  get(number) {
    return this.#nodes.get(number);
  }

  make(folder, name, { mode, uid, gid }) {
    const isFolder = (mode & 0o170000) === 0o40000;
    const node = this.#add({ mode, uid, gid, ...(isFolder ? { entries: new Map() } : { content: new Content() }) });
    folder.entries.set(name, node);
    return node;
  }

  rename(from, name, to, newName) {
    const node = from.entries.get(name);
    from.entries.delete(name);
    to.entries.set(newName, node);
  }

  lose(keeps) {
    let lost = 0;
    for (const { content } of this.#nodes.values()) lost += content?.lose(keeps) ?? 0;
    return lost;
  }

  #add(node) {
    const number = this.#nodes.size + 1;
    const made = { number, changedAt: Date.now(), ...node };
    this.#nodes.set(number, made);
    return made;
  }
}
