/**
 * Sends requests for a while over a few connections, one after the other on each, and counts the answers. A process of its
 * own, so that it takes nothing from the server's: started by run.ts, told each piece of work by a message.
 */
import { connect } from 'node:net'
import { v7 as uuid } from 'uuid'
import type { Seeded } from './seed.ts'

export interface Work {
  workload: 'W1' | 'W2' | 'W3' | 'W4'
  port: number
  seconds: number
  connections: number
}

let seeded: Seeded
const from = new Date().toISOString()
let turn = 0

function request(workload: Work['workload']): string {
  const headers = `Host: bench\r\nAuthorization: Bearer ${seeded.api_key}\r\n`
  turn++
  const { session_id, people } = seeded.sheets[turn % seeded.sheets.length]!
  if (workload === 'W1') return `GET /v1/sessions/${session_id}/attendance HTTP/1.1\r\n${headers}\r\n`
  if (workload === 'W2') {
    const group_id = seeded.group_ids[turn % seeded.group_ids.length]
    return `GET /v1/groups/${group_id}/sessions?limit=20&from=${from} HTTP/1.1\r\n${headers}\r\n`
  }
  if (workload === 'W4') {
    const q = seeded.words[turn % seeded.words.length]
    const topic = seeded.topics[turn % seeded.topics.length]
    return `GET /v1/strategies?q=${q}&topic=${topic}&language=en&limit=20 HTTP/1.1\r\n${headers}\r\n`
  }
  const body = JSON.stringify({
    records: people.map(person_id => ({
      person_id,
      status: 'present',
      mode: 'in_person',
      arrived_late: false,
      minutes: 60 + (turn % 600)
    })),
    walk_ins: [],
    anonymous_count: turn % 10_000
  })
  return `PUT /v1/sessions/${session_id}/attendance HTTP/1.1\r\n${headers}If-Match: *\r\nIdempotency-Key: ${uuid()}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

function drive({
  workload,
  port,
  seconds,
  connections
}: Work): Promise<{ perSecond: number; p50: number; p99: number }> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const until = began + seconds * 1000
    const times: number[] = []
    let open = connections
    for (let n = 0; n < connections; n++) {
      const socket = connect(port, '127.0.0.1').setNoDelay(true)
      let buffered = Buffer.alloc(0)
      let sent = 0
      const next = () => {
        if (performance.now() >= until) return void socket.end()
        sent = performance.now()
        socket.write(request(workload))
      }
      socket.on('connect', next)
      socket.on('data', chunk => {
        buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
        const head = buffered.indexOf('\r\n\r\n')
        if (head < 0) return
        const text = buffered.toString('latin1', 0, head)
        const length = Number(/content-length: (\d+)/i.exec(text)![1])
        if (buffered.length < head + 4 + length) return
        if (!text.startsWith('HTTP/1.1 200')) return void reject(new Error(buffered.toString()))
        buffered = Buffer.alloc(0)
        times.push(performance.now() - sent)
        next()
      })
      socket.on('error', reject)
      socket.on('close', () => {
        if (--open > 0) return
        times.sort((a, b) => a - b)
        const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
        resolve({ perSecond: times.length / ((performance.now() - began) / 1000), p50: at(0.5), p99: at(0.99) })
      })
    }
  })
}

process.on('message', async (message: { seeded: Seeded } | { work: Work }) => {
  if ('seeded' in message) seeded = message.seeded
  else process.send!(await drive(message.work).catch(error => ({ error: String(error) })))
})
