// Faults on demand: what goes wrong because a test wants it.
'use strict';

const GONE = 404;
const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');

/** A rule of a running service; `isOver` says whether that has ended. */
class Fault {
  #management;
  #isOver;
  #last;

  constructor(raw, management, isOver) {
    this.id = raw.id;
    this.rule = raw.rule;
    this.#last = raw;
    this.#management = management;
    this.#isOver = isOver;
  }

  /** How many requests it has struck; of one that was removed, until then. */
  async struck() {
    return (await this.#now()).struck;
  }

  /** How many requests it was meant for, struck or not. */
  async matched() {
    return (await this.#now()).matched;
  }

  /** Takes it away; nothing happens if it is gone already, with its service too. */
  async remove() {
    await this.#now();
    await this.#unlessGone((management) => management.delete(`/faults/${this.id}`));
  }

  [asyncDispose]() {
    return this.remove();
  }

  async #now() {
    this.#last = (await this.#unlessGone((management) => management.get(`/faults/${this.id}`))) ?? this.#last;
    return this.#last;
  }

  async #unlessGone(ask) {
    if (this.#isOver()) return undefined;
    try {
      return await ask(this.#management);
    } catch (error) {
      if (error.status === GONE) return undefined;
      throw error;
    }
  }
}

module.exports = { Fault };
