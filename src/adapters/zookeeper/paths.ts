// Keys are paths: the key `a/b` is the node ROOT/a/b, letter by letter, as other programs see the node. What cannot be a path in
// ZooKeeper cannot be a key. Pure.

import { TrunklineError } from '../../errors';
import { isKeyWatch, type Watched } from '../registry';

/** Characters that ZooKeeper refuses in a path; the fourth part is half of a surrogate pair, which every emoji consists of. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const REFUSED = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/;

/** The node below the root of ZooKeeper that belongs to the server. */
const OWN_NODE = 'zookeeper';

export class Paths {
  readonly #server: string;
  readonly #root: string;

  /** @param root without a slash at the end */
  constructor(server: string, root: string) {
    this.#server = server;
    this.#root = root;
  }

  /** @param key empty for the root */
  pathOf(key: string): string {
    return key === '' ? this.#root || '/' : `${this.#root}/${key}`;
  }

  /** @param path of a node at or below the root */
  keyOf(path: string): string {
    return path.slice(this.#root.length + 1);
  }

  /** The key of a child, which is undefined for the server's own node. */
  childOf(key: string, name: string): string | undefined {
    if (key !== '') return `${key}/${name}`;
    return this.#root === '' && name === OWN_NODE ? undefined : name;
  }

  /** @throws TrunklineError ERR_TRUNKLINE_KEY_INVALID */
  assertKey(key: string): void {
    this.#assert('key', key, key.split('/'), []);
  }

  /** @throws TrunklineError ERR_TRUNKLINE_KEY_INVALID */
  assertWatched(what: Watched): void {
    if (isKeyWatch(what)) this.assertKey(what.key);
    else this.assertPrefix(what.prefix);
  }

  /** The last part of a prefix may be the beginning of a name. @throws TrunklineError ERR_TRUNKLINE_KEY_INVALID */
  assertPrefix(prefix: string): void {
    const parts = prefix.split('/');
    this.#assert('prefix', prefix, parts.slice(0, -1), parts.slice(-1));
  }

  #assert(kind: string, text: string, whole: readonly string[], partial: readonly string[]): void {
    const refuse = (why: string): never => {
      const sentence = `${this.#server}: ${JSON.stringify(text)} cannot be a ${kind} in ZooKeeper: ${why}`;
      throw new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', sentence, { server: this.#server, key: text });
    };
    if (whole.includes(''))
      refuse('a part between slashes is empty; leave out slashes at the beginning, at the end, and doubled ones');
    if (whole.some((part) => part === '.' || part === '..')) refuse('a part is . or ..');
    const refused = REFUSED.exec([...whole, ...partial].join('/'))?.[0];
    if (refused !== undefined) {
      const code = refused.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
      refuse(`ZooKeeper refuses the character U+${code}; encode the name, e.g. with encodeURIComponent()`);
    }
    if (this.#root === '' && whole[0] === OWN_NODE) refuse('the server keeps its own data there');
  }
}

/** The key of the node whose children, or whose data, a watch begins with. */
export function startOf(what: Watched): string {
  return isKeyWatch(what) ? what.key : what.prefix.slice(0, Math.max(0, what.prefix.lastIndexOf('/')));
}
