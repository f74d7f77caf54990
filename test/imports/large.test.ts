import t from 'tap'
import { startApp } from '../support/app.ts'

const zones = ['America/Los_Angeles', 'America/New_York', 'Europe/Berlin', 'Asia/Tokyo', 'UTC']
const rows = Array.from({ length: 10_000 }, (_, index) => ({
  slug: `group-${index}`,
  name: `Group ${index}`,
  day: index % 7,
  // None at night: there, clocks that go forward leave out a session.
  time: `${String(4 + (index % 20)).padStart(2, '0')}:${String((index * 7) % 60).padStart(2, '0')}`,
  timezone: zones[index % 5],
  address: `${index} Main Street`,
  city: 'Anytown',
  state: 'CA'
}))

t.test('the largest list is taken, and others are answered meanwhile', async t => {
  const { organization, look } = await startApp(t)
  const [admin, other] = [await organization(), await organization('Other')]
  const started = performance.now()
  let waiting = true
  const importing = admin.post('/v1/imports/meeting-guide', rows, { 'idempotency-key': 'large' }).finally(() => {
    waiting = false
  })
  let longest = 0
  let answered = 0
  while (waiting) {
    const asked = performance.now()
    if ((await other.get('/v1/me')).statusCode !== 200) throw new Error('refused')
    longest = Math.max(longest, performance.now() - asked)
    answered++
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const reply = await importing
  t.equal(reply.statusCode, 207)
  t.same(reply.data.counts, { created: 10_000, updated: 0, unchanged: 0, skipped: 0 })
  const seconds = (performance.now() - started) / 1000
  t.ok(seconds < 60, `in ${seconds.toFixed(1)} s`)
  t.ok(answered > 5 && longest < 2000, `${answered} others, the slowest in ${longest.toFixed()} ms`)
  const [made] = await look('select count(*)::int as n, count(distinct series_id)::int as series from sessions')
  t.same(made, { n: 130_000, series: 10_000 })
  const [audit] = await look(
    "select count(*)::int as n from audit_entries where operation in ('group.created', 'series.created')"
  )
  t.equal(audit.n, 20_000)

  const again = await admin.post('/v1/imports/meeting-guide', rows)
  t.same(again.data.counts, { created: 0, updated: 0, unchanged: 10_000, skipped: 0 })
  t.same((await admin.post('/v1/imports/meeting-guide', rows, { 'idempotency-key': 'large' })).data, reply.data)
})
