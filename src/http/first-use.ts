import { setImmediate as pause } from 'node:timers/promises'

/** From the shared schemas and options, what compiles one schema into a function of one argument. */
type Build = (...shared: never[]) => (one: never) => (value: unknown) => unknown

/**
 * What is compiled from the schemas of some hundred routes: each when it is first called, and the rest in the pauses of a
 * service that listens already. All of it beforehand was a fifth of a start.
 */
export class FirstUse {
  readonly #waiting = new Set<() => unknown>()

  /** The same, for Fastify's `compilersFactory`; what it compiles is compiled when needed. */
  defer<B>(build: B): B {
    const deferred = (...shared: never[]) => {
      const compile = (build as Build)(...shared)
      return (one: never) => this.#when(() => compile(one))
    }
    return deferred as B
  }

  #when(compile: () => (value: unknown) => unknown) {
    let made: ((value: unknown) => unknown) | undefined
    const make = () => {
      this.#waiting.delete(make)
      made = compile()
      return made
    }
    this.#waiting.add(make)
    return (value: unknown) => (made ?? make())(value)
  }

  /** Compiles what nobody asked for yet, one at a time: requests go between. A schema that cannot be compiled is thrown. */
  async rest(): Promise<void> {
    for (const make of this.#waiting) {
      make()
      await pause()
    }
  }

  /** Nothing more is wanted. */
  end(): void {
    this.#waiting.clear()
  }
}
