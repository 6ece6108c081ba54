import { LinkageError } from "../errors.js";
import { hashPair, PairSet } from "./pair-set.js";

// Four numbers per record, adjacent so that they share a cache line.
const NODE_LENGTH = 4;
const PARENT = 0; // the record itself at the root of a group
// At roots only:
const SIZE = 1; // records in the group
const LINKS = 2; // the first link of the group, as a reference (below)
const LINK_COUNT = 3; // links in that list, including dead ones

// A link counts the cross pairs seen between two groups. Six numbers each:
const LINK_LENGTH = 6;
const ROOTS = 0; // and 1: the roots of the two groups
const NEXT = 2; // and 3: the next link in the list of each group, as a reference
const SEEN_COUNT = 4; // distinct cross pairs seen; 0 once the link is dead
const FIRST_PAIR = 5; // index of the first of them

/** Pairs that are read ahead together. */
const READ_AHEAD = 64;

// A reference to a link is 1 + 2 · link + side; `side` is the one of its two groups that lists it. 0 means none.
const NONE = -1;

/** All links have to fit into one array of 4 GiB. */
const MAX_LINKS = Math.floor(2 ** 30 / LINK_LENGTH);

/** Bytes that {@link mergeIntoGroups} holds per record. */
export const BYTES_PER_RECORD = NODE_LENGTH * 4;

/**
 * The general greedy solver on numbered records: walks the pairs in order and merges the groups of a pair's records
 * once every cross pair between the two groups has been seen. A pair counts once, however often and in whichever order
 * of its records it occurs.
 *
 * Groups form a union-find forest. A pair that merges nothing is counted in the link between its two groups, found by
 * hashing their roots. When two groups merge, the links of the one with fewer records and links are moved to the other,
 * so a link moves at most O(log n) times. Which pairs a link has counted only matters from the second pair on: then
 * they are added to a set.
 *
 * @param left ids of the left records, in the order of the pairs
 * @param right ids of the right records
 * @param recordCount all ids are below this
 * @returns the root of each record's group: the same id for all records of a group, and its own id for any other record
 * @throws LinkageError `too-many-candidates` if more than 178,956,970 pairs between different groups have to be
 *   remembered
 */
export function mergeIntoGroups(left: Uint32Array, right: Uint32Array, recordCount: number): Uint32Array {
  const merger = new GroupMerger(left, right, recordCount);
  for (let start = 0; start < left.length; start += READ_AHEAD) {
    const end = Math.min(start + READ_AHEAD, left.length);
    merger.readAhead(start, end);
    for (let pair = start; pair < end; pair++) merger.add(pair);
  }
  return merger.roots();
}

class GroupMerger {
  private readonly left: Uint32Array;
  private readonly right: Uint32Array;
  private readonly nodes: Uint32Array;
  private links: Uint32Array;
  private linkCount = 0;
  /** The hash table of links. Two numbers per slot: a hash and 1 + link, or two zeros. */
  private slots: Uint32Array;
  private usedSlotCount = 0;
  private readonly seenPairs = new PairSet();
  /** Keeps the compiler from dropping the reads of {@link readAhead}. */
  protected lastRead = 0;

  constructor(left: Uint32Array, right: Uint32Array, recordCount: number) {
    this.left = left;
    this.right = right;
    // Room to remember half of the pairs; both arrays grow if there are more.
    const linkCapacity = Math.min(Math.ceil(left.length / 2), MAX_LINKS);
    this.links = new Uint32Array(linkCapacity * LINK_LENGTH);
    this.slots = new Uint32Array(4 * 2 ** Math.ceil(Math.log2(linkCapacity + 1)));
    this.nodes = new Uint32Array(recordCount * NODE_LENGTH);
    for (let record = 0; record < recordCount; record++) {
      this.nodes[record * NODE_LENGTH + PARENT] = record;
      this.nodes[record * NODE_LENGTH + SIZE] = 1;
    }
  }

  /** Processes the next pair. */
  add(pair: number): void {
    const a = this.findRoot(this.left[pair]!);
    const b = this.findRoot(this.right[pair]!);
    if (a === b) return;
    const crossPairCount = this.nodes[a * NODE_LENGTH + SIZE]! * this.nodes[b * NODE_LENGTH + SIZE]!;
    if (crossPairCount === 1) {
      this.merge(a, b);
      return;
    }
    const link = this.findLink(a, b);
    if (link === NONE) {
      this.addLink(a, b, pair);
      return;
    }
    const at = link * LINK_LENGTH;
    if (this.hasSeen(at, pair)) return;
    const seenCount = this.links[at + SEEN_COUNT]! + 1;
    if (seenCount === crossPairCount) {
      this.links[at + SEEN_COUNT] = 0;
      this.merge(a, b);
      return;
    }
    this.spillFirstPair(at);
    this.seenPairs.add(this.left[pair]!, this.right[pair]!);
    this.links[at + SEEN_COUNT] = seenCount;
  }

  /**
   * Reads what {@link add} is about to need. There, each read depends on the one before and waits for memory; these
   * reads are independent, so the processor does many at once. Saves a fifth of the time.
   */
  readAhead(start: number, end: number): void {
    const { left, right, nodes, slots, links } = this;
    let read = 0;
    for (let pair = start; pair < end; pair++) {
      read ^= nodes[left[pair]! * NODE_LENGTH]! ^ nodes[right[pair]! * NODE_LENGTH]!;
    }
    const mask = slots.length / 2 - 1;
    for (let pair = start; pair < end; pair++) {
      const a = nodes[left[pair]! * NODE_LENGTH]!;
      const b = nodes[right[pair]! * NODE_LENGTH]!;
      const reference = slots[2 * (hashRoots(a, b) & mask) + 1]!;
      read ^= nodes[a * NODE_LENGTH]! ^ nodes[b * NODE_LENGTH]!;
      if (reference !== 0) read ^= links[(reference - 1) * LINK_LENGTH]!;
    }
    this.lastRead = read;
  }

  roots(): Uint32Array {
    const roots = new Uint32Array(this.nodes.length / NODE_LENGTH);
    for (let record = 0; record < roots.length; record++) roots[record] = this.findRoot(record);
    return roots;
  }

  /** The root of a record's group; halves the path to it. */
  private findRoot(record: number): number {
    const { nodes } = this;
    let parent = nodes[record * NODE_LENGTH]!;
    while (parent !== record) {
      const grandparent = nodes[parent * NODE_LENGTH]!;
      nodes[record * NODE_LENGTH] = grandparent;
      record = grandparent;
      parent = nodes[record * NODE_LENGTH]!;
    }
    return record;
  }

  private merge(a: number, b: number): void {
    const { nodes } = this;
    const weightA = nodes[a * NODE_LENGTH + SIZE]! + nodes[a * NODE_LENGTH + LINK_COUNT]!;
    const weightB = nodes[b * NODE_LENGTH + SIZE]! + nodes[b * NODE_LENGTH + LINK_COUNT]!;
    const kept = weightA >= weightB ? a : b;
    const absorbed = kept === a ? b : a;
    nodes[absorbed * NODE_LENGTH + PARENT] = kept;
    nodes[kept * NODE_LENGTH + SIZE]! += nodes[absorbed * NODE_LENGTH + SIZE]!;
    let reference = nodes[absorbed * NODE_LENGTH + LINKS]!;
    while (reference !== 0) {
      const link = (reference - 1) >>> 1;
      const side = (reference - 1) & 1;
      reference = this.links[link * LINK_LENGTH + NEXT + side]!;
      if (this.links[link * LINK_LENGTH + SEEN_COUNT] !== 0) this.moveLink(link, side, kept);
    }
  }

  /** Moves one side of a link to another group, which may already have a link to the other side's group. */
  private moveLink(link: number, side: number, kept: number): void {
    const { links } = this;
    const at = link * LINK_LENGTH;
    const other = links[at + ROOTS + 1 - side]!;
    const existing = this.findLink(kept, other);
    if (existing === NONE) {
      links[at + ROOTS + side] = kept;
      this.listLink(link, side, kept);
      // The old slot stays: absorbed roots are never looked up, and finding the link there by its new roots is fine.
      this.fillSlot(link);
      return;
    }
    const existingAt = existing * LINK_LENGTH;
    this.spillFirstPair(existingAt);
    this.spillFirstPair(at);
    links[existingAt + SEEN_COUNT]! += links[at + SEEN_COUNT]!;
    links[at + SEEN_COUNT] = 0;
  }

  private addLink(a: number, b: number, pair: number): void {
    const link = this.linkCount++;
    const at = link * LINK_LENGTH;
    if (at === this.links.length) this.growLinks();
    this.links[at + ROOTS] = a;
    this.links[at + ROOTS + 1] = b;
    this.links[at + SEEN_COUNT] = 1;
    this.links[at + FIRST_PAIR] = pair;
    this.listLink(link, 0, a);
    this.listLink(link, 1, b);
    this.fillSlot(link);
  }

  private growLinks(): void {
    // There are never more links than pairs.
    const capacity = Math.min(2 * this.linkCount, this.left.length, MAX_LINKS);
    if (capacity < this.linkCount) {
      const message = `The solver would have to remember more than ${MAX_LINKS} pairs; raise the threshold.`;
      throw new LinkageError("too-many-candidates", message, {
        subject: "pairs to remember",
        expected: `at most ${MAX_LINKS}`,
        received: "more",
      });
    }
    const larger = new Uint32Array(capacity * LINK_LENGTH);
    larger.set(this.links);
    this.links = larger;
  }

  /** Puts a link at the front of a group's list. */
  private listLink(link: number, side: number, root: number): void {
    const node = root * NODE_LENGTH;
    this.links[link * LINK_LENGTH + NEXT + side] = this.nodes[node + LINKS]!;
    this.nodes[node + LINKS] = 1 + 2 * link + side;
    this.nodes[node + LINK_COUNT]!++;
  }

  private hasSeen(at: number, pair: number): boolean {
    const left = this.left[pair]!;
    const right = this.right[pair]!;
    if (this.links[at + SEEN_COUNT]! > 1) return this.seenPairs.has(left, right);
    const first = this.links[at + FIRST_PAIR]!;
    const firstLeft = this.left[first]!;
    const firstRight = this.right[first]!;
    return (left === firstLeft && right === firstRight) || (left === firstRight && right === firstLeft);
  }

  /** Moves a link's only pair into the set of seen pairs; a link with more pairs has all of them there. */
  private spillFirstPair(at: number): void {
    if (this.links[at + SEEN_COUNT] !== 1) return;
    const first = this.links[at + FIRST_PAIR]!;
    this.seenPairs.add(this.left[first]!, this.right[first]!);
  }

  private findLink(a: number, b: number): number {
    const { slots, links } = this;
    const mask = slots.length / 2 - 1;
    const hash = hashRoots(a, b);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const link = slots[2 * slot + 1]! - 1;
      if (link === NONE) return NONE;
      if (slots[2 * slot] !== hash) continue;
      const first = links[link * LINK_LENGTH + ROOTS]!;
      const second = links[link * LINK_LENGTH + ROOTS + 1]!;
      if ((first === a && second === b) || (first === b && second === a)) return link;
    }
  }

  /** Adds a live link to the hash table, which is rebuilt without its stale slots once it is half full. */
  private fillSlot(link: number): void {
    if (this.usedSlotCount * 4 >= this.slots.length) {
      // Sized by all links, so that iterating over them takes no longer than it took to fill the table.
      let capacity = this.slots.length / 2;
      while (capacity < 3 * this.linkCount) capacity *= 2;
      this.slots = new Uint32Array(2 * capacity);
      this.usedSlotCount = 0;
      for (let other = 0; other < this.linkCount; other++) {
        if (other !== link && this.links[other * LINK_LENGTH + SEEN_COUNT] !== 0) this.occupySlot(other);
      }
    }
    this.occupySlot(link);
  }

  private occupySlot(link: number): void {
    const { slots, links } = this;
    const mask = slots.length / 2 - 1;
    const hash = hashRoots(links[link * LINK_LENGTH + ROOTS]!, links[link * LINK_LENGTH + ROOTS + 1]!);
    let slot = hash & mask;
    while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask;
    slots[2 * slot] = hash;
    slots[2 * slot + 1] = 1 + link;
    this.usedSlotCount++;
  }
}

/** The same hash for either order of the roots. */
function hashRoots(a: number, b: number): number {
  const low = Math.min(a, b);
  return hashPair(low, a ^ b ^ low);
}
