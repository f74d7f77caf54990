import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What the proxy does with bytes: passes them on, or takes them and says nothing (a black hole). */
export type Weather = 'fair' | 'black hole'

export interface Link {
  client: net.Socket
  server: net.Socket
  /** The statement that the last Bind of the client names. */
  bound: string
}

export interface TcpProxy {
  /** The same database by way of the proxy. */
  url: string
  weather: Weather
  /** Milliseconds each way. */
  latency: number
  /** How many connections were made, and how many Sync and Query messages came: what PostgreSQL answers in one round trip each. */
  connections: number
  roundTrips: number
  links: Set<Link>
  /** Called with what comes from the server; what it answers goes on to the client (null: nothing does). */
  onReply: (link: Link, bytes: Buffer) => Buffer | null
  /** Cuts every connection with a RST. */
  reset(): void
  close(): Promise<void>
}

/** A TCP proxy before a PostgreSQL, for what networks do. It reads the client's messages just enough to count and to name them. */
export async function startProxy(t: { teardown(handler: () => unknown): void }, target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target)
  const links = new Set<Link>()
  const server = net.createServer({ noDelay: true }, client => {
    const upstream = net.connect({ host: hostname, port: Number(port), noDelay: true })
    const link: Link = { client, server: upstream, bound: '' }
    const count = reader(link, proxy)
    links.add(link)
    proxy.connections++
    const pass = async (to: net.Socket, bytes: Buffer | null) => {
      if (bytes === null || proxy.weather !== 'fair') return
      if (proxy.latency > 0) await delay(proxy.latency)
      if (to.writable) to.write(bytes)
    }
    client.on('data', bytes => {
      count(bytes)
      void pass(upstream, bytes)
    })
    upstream.on('data', bytes => void pass(client, proxy.onReply(link, bytes)))
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      socket.on('error', () => {})
      socket.on('close', () => {
        links.delete(link)
        other.destroy()
      })
    }
  })
  const proxy: TcpProxy = {
    url: '',
    weather: 'fair',
    latency: 0,
    connections: 0,
    roundTrips: 0,
    links,
    onReply: (_link, bytes) => bytes,
    reset() {
      for (const { client, server } of links) {
        client.resetAndDestroy()
        server.destroy()
      }
    },
    async close() {
      server.close()
      for (const { client } of links) client.destroy()
      if (server.listening) await once(server, 'close')
    }
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const through = new URL(target)
  through.host = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
  proxy.url = through.href
  t.teardown(proxy.close)
  return proxy
}

/** Reads what a client says: first a message without a type (the startup), then type, length, rest. */
function reader(link: Link, proxy: TcpProxy): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0)
  let started = false
  return bytes => {
    rest = Buffer.concat([rest, bytes])
    for (;;) {
      const typed = started ? 1 : 0
      if (rest.length < typed + 4) return
      const end = typed + rest.readInt32BE(typed)
      if (rest.length < end) return
      const type = started ? String.fromCharCode(rest[0]!) : ''
      if (type === 'S' || type === 'Q') proxy.roundTrips++
      // Bind: the portal, then the statement.
      if (type === 'B')
        link.bound = rest.toString('utf8', rest.indexOf(0, 5) + 1, rest.indexOf(0, rest.indexOf(0, 5) + 1))
      started = true
      rest = rest.subarray(end)
    }
  }
}
