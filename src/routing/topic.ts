/**
 * `topic`: binding keys are patterns of words between dots; `*` stands for one word, `#` for none or more. AMQP 0-9-1
 * 3.1.3.3. As RabbitMQ reads them, the empty key has no word at all (so `*` does not match it and `#` does), while
 * `a.` has two words of which the second is empty.
 *
 * The patterns form a trie that is walked as a set of active nodes, one word of the message's key after the other:
 *
 *     a.*.c ─┐          root ── a ──┬── * ── c   [a.*.c]
 *     a.#   ─┼─>                    └── #        [a.#]      # keeps itself active on every word
 *     #.c   ─┘               └─ # ───── c        [#.c]      # is active as soon as its parent is: it may stand for nothing
 *
 * Each node is active at most once a word, so a match costs words times active nodes at worst, and patterns with many
 * `#` cannot make it explode. Words are compared in place: nothing is split or allocated.
 */
import { strict as assert } from 'node:assert';
import { ScratchList } from '../collections/scratch-list.ts';
import type { Binding } from './binding.ts';
import { StoredBindings, takeOut } from './binding-table.ts';
import type { Destination } from './destination.ts';
import { extendWordHash, hashWord, WORD_HASH_START } from './hash.ts';
import type { RoutedMessage } from './routed-message.ts';

export class TopicBindings<D extends Destination> extends StoredBindings<D> {
  readonly byKeyAlone = true;
  readonly #root = new TrieNode<D>(undefined, '', false);
  #active = new ScratchList<TrieNode<D>>();
  #next = new ScratchList<TrieNode<D>>();
  /** Numbers the words of all matches, so that a node knows whether it is active for this one already. */
  #step = 0;

  match(message: RoutedMessage, found: ScratchList<D>): void {
    this.#matchKey(message.routingKey, found);
    const { otherKeys } = message;
    for (let index = 0; index < otherKeys.length; index++) this.#matchKey(otherKeys[index]!, found);
  }

  #matchKey(key: string, found: ScratchList<D>): void {
    this.#step++;
    this.#activate(this.#root, this.#active);
    if (key.length > 0) this.#walk(key);
    const active = this.#active;
    for (let index = 0; index < active.count; index++) {
      const { destinations } = active.at(index);
      for (let place = 0; place < destinations.length; place++) found.add(destinations[place]!);
    }
    active.clear();
  }

  #walk(key: string): void {
    let start = 0;
    let hash = WORD_HASH_START;
    for (let index = 0; index < key.length; index++) {
      const code = key.charCodeAt(index);
      if (code !== DOT) {
        hash = extendWordHash(hash, code);
        continue;
      }
      this.#advance(key, start, index, hash);
      if (this.#active.count === 0) return;
      start = index + 1;
      hash = WORD_HASH_START;
    }
    this.#advance(key, start, key.length, hash);
  }

  /** Replaces the active nodes by those that one more word, `key` from `start` to `end`, leads to. */
  #advance(key: string, start: number, end: number, hash: number): void {
    const active = this.#active;
    const next = this.#next;
    this.#step++;
    for (let index = 0; index < active.count; index++) {
      const node = active.at(index);
      const child = node.childFor(key, start, end, hash);
      if (child !== undefined) this.#activate(child, next);
      if (node.star !== undefined) this.#activate(node.star, next);
      if (node.isHash) this.#activate(node, next);
    }
    active.clear();
    this.#active = next;
    this.#next = active;
  }

  #activate(node: TrieNode<D>, list: ScratchList<TrieNode<D>>): void {
    let reached: TrieNode<D> | undefined = node;
    while (reached !== undefined && reached.lastStep !== this.#step) {
      reached.lastStep = this.#step;
      list.add(reached);
      reached = reached.hash;
    }
  }

  protected indexed(binding: Binding<D>): void {
    let node = this.#root;
    for (const word of wordsOf(binding.routingKey)) node = node.grow(word);
    node.destinations.push(binding.destination);
  }

  protected unindexed(binding: Binding<D>): void {
    let node = this.#root;
    for (const word of wordsOf(binding.routingKey)) {
      const child = node.child(word);
      assert(child !== undefined, 'the trie lost the path of a binding');
      node = child;
    }
    takeOut(node.destinations, binding.destination);
    node.prune();
  }
}

const DOT = 0x2e;

function wordsOf(bindingKey: string): string[] {
  return bindingKey === '' ? [] : bindingKey.split('.');
}

class TrieNode<D> {
  /** The `TopicBindings` step in which this node was last made active. */
  lastStep = 0;
  readonly parent: TrieNode<D> | undefined;
  readonly word: string;
  readonly isHash: boolean;
  star: TrieNode<D> | undefined = undefined;
  hash: TrieNode<D> | undefined = undefined;
  /** Literal words below, by the hash of the word. Words of the same hash are chained by `twin`. */
  children: Map<number, TrieNode<D>> | undefined = undefined;
  twin: TrieNode<D> | undefined = undefined;
  readonly destinations: D[] = [];

  constructor(parent: TrieNode<D> | undefined, word: string, isHash: boolean) {
    this.parent = parent;
    this.word = word;
    this.isHash = isHash;
  }

  /** The child for the literal word that stands in `key` from `start` to `end`. */
  childFor(key: string, start: number, end: number, hash: number): TrieNode<D> | undefined {
    let child = this.children?.get(hash);
    while (child !== undefined && !isWordAt(child.word, key, start, end)) child = child.twin;
    return child;
  }

  /** The child for a word of a pattern. */
  child(word: string): TrieNode<D> | undefined {
    if (word === '*') return this.star;
    if (word === '#') return this.hash;
    return this.childFor(word, 0, word.length, hashWord(word));
  }

  grow(word: string): TrieNode<D> {
    const present = this.child(word);
    if (present !== undefined) return present;
    const child = new TrieNode<D>(this, word, word === '#');
    if (word === '*') this.star = child;
    else if (word === '#') this.hash = child;
    else this.#addLiteral(child);
    return child;
  }

  #addLiteral(child: TrieNode<D>): void {
    this.children ??= new Map();
    const hash = hashWord(child.word);
    child.twin = this.children.get(hash);
    this.children.set(hash, child);
  }

  /** Takes this node out when it leads nowhere any more, and then its parent likewise. */
  prune(): void {
    const { parent } = this;
    if (parent === undefined || this.destinations.length > 0) return;
    if (this.star !== undefined || this.hash !== undefined || this.children !== undefined) return;
    if (parent.star === this) parent.star = undefined;
    else if (parent.hash === this) parent.hash = undefined;
    else parent.#removeLiteral(this);
    parent.prune();
  }

  #removeLiteral(child: TrieNode<D>): void {
    const children = this.children!;
    const hash = hashWord(child.word);
    const first = children.get(hash)!;
    if (first === child) {
      if (child.twin === undefined) children.delete(hash);
      else children.set(hash, child.twin);
    } else {
      let before = first;
      while (before.twin !== child) before = before.twin!;
      before.twin = child.twin;
    }
    if (children.size === 0) this.children = undefined;
  }
}

function isWordAt(word: string, key: string, start: number, end: number): boolean {
  if (word.length !== end - start) return false;
  for (let index = 0; index < word.length; index++) {
    if (word.charCodeAt(index) !== key.charCodeAt(start + index)) return false;
  }
  return true;
}
