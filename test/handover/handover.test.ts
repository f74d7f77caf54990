import t from 'tap'
import { startApp } from '../support/app.ts'
import { assign, daysFromNow, makeGroup, makeMember, makeSession, minutesFromNow } from '../support/circle.ts'

t.test('what the next facilitator needs', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const group_id = await makeGroup(admin, { name: 'Harbour' })
  const lead = await service.staff(admin, 'facilitator', 'Lead')
  await admin.post(`/v1/groups/${group_id}/facilitators`, {
    staff_id: lead.staff_id,
    starts_at: minutesFromNow(-60 * 24 * 100),
    ends_at: minutesFromNow(60)
  })
  const next = await service.staff(admin, 'facilitator', 'Next')
  const substitute = await service.staff(admin, 'facilitator', 'Substitute')
  const [ana, ben, cleo, dan] = [
    await makeMember(admin, group_id, 'Ana'),
    await makeMember(admin, group_id, 'Ben'),
    await makeMember(admin, group_id, 'Cleo', daysFromNow(-2)),
    await makeMember(admin, group_id, 'Dan')
  ]
  const left = (await admin.get(`/v1/people/${dan}/memberships`)).data.data[0]
  await admin.post(`/v1/memberships/${left.id}/leave`, { left_on: daysFromNow(-1) })

  const days = [50, 40, 30, 20, 10, 7, 5, 3]
  const sessions: string[] = []
  for (const day of days) sessions.push(await makeSession(admin, group_id, day * 24 * 60))
  const record = (index: number, statuses: Record<string, string>) =>
    admin.put(`/v1/sessions/${sessions[index]}/attendance`, {
      records: Object.entries(statuses).map(([person_id, status]) => ({ person_id, status }))
    })
  await record(0, { [ana!]: 'absent', [ben!]: 'present' })
  await record(1, { [ana!]: 'present', [ben!]: 'absent' })
  await record(2, { [ana!]: 'absent', [ben!]: 'absent' })
  await record(3, { [ana!]: 'absent', [ben!]: 'excused' })
  await record(4, { [ana!]: 'not_recorded', [ben!]: 'absent' })
  await admin.post(`/v1/sessions/${sessions[5]}/did_not_happen`, { reason: 'Snow' }, { 'if-match': '*' })
  await admin.post(`/v1/sessions/${sessions[7]}/facilitators`, {
    staff_id: substitute.staff_id,
    replaces_staff_id: lead.staff_id
  })
  const coming = [await makeSession(admin, group_id, -60 * 24 * 4), await makeSession(admin, group_id, -60 * 24 * 2)]
  await makeSession(admin, group_id, -60 * 24 * 6)
  await makeSession(admin, group_id, -60 * 24 * 8)
  const note = async (session: number, body: Record<string, unknown>) =>
    (await lead.post(`/v1/sessions/${sessions[session]}/notes`, body)).data.id
  await note(0, { text: 'For us alone.' })
  const handed = await note(4, { text: 'Begin with the round.', for_handover: true })
  const open = await note(1, { text: 'Ask for the key.', follow_up: 'open' })

  t.equal((await next.get(`/v1/groups/${group_id}/handover`)).statusCode, 404)
  await admin.post(`/v1/groups/${group_id}/facilitators`, { staff_id: next.staff_id, starts_at: minutesFromNow(60) })
  t.equal((await next.get(`/v1/groups/${group_id}/handover`)).statusCode, 404, 'not before they begin')
  const now = await service.staff(admin, 'facilitator', 'Now')
  await assign(admin, group_id, now.staff_id)
  const { statusCode, data } = await now.get(`/v1/groups/${group_id}/handover`)
  t.equal(statusCode, 200)

  t.match(data, { group_id, name: 'Harbour' })
  t.same(
    data.facilitators.map(({ display_name }: { display_name: string }) => display_name),
    ['Lead', 'Now', 'Next'],
    'those of now, and those to come'
  )
  t.same(data.roster, [
    {
      person_id: ana,
      display_name: 'Ana',
      joined_on: '2026-01-01',
      last_present_on: daysFromNow(-40),
      missed_in_a_row: 2
    },
    {
      person_id: ben,
      display_name: 'Ben',
      joined_on: '2026-01-01',
      last_present_on: daysFromNow(-50),
      missed_in_a_row: 1
    },
    { person_id: cleo, display_name: 'Cleo', joined_on: daysFromNow(-2), last_present_on: null, missed_in_a_row: 0 }
  ])
  t.same(
    data.recent_sessions.map(({ session_id, outcome, reason }: Record<string, unknown>) => [
      session_id,
      outcome,
      reason
    ]),
    [
      [sessions[7], 'scheduled', null],
      [sessions[6], 'scheduled', null],
      [sessions[5], 'did_not_happen', 'Snow'],
      [sessions[4], 'held', null],
      [sessions[3], 'held', null],
      [sessions[2], 'held', null]
    ]
  )
  t.match(data.recent_sessions[0].led_by, [{ display_name: 'Substitute', role: 'substitute' }])
  t.match(data.recent_sessions[3].led_by, [{ display_name: 'Lead', role: 'facilitator' }])
  t.match(data.recent_sessions[3].counts, { present: 0, absent: 1 })
  t.same(data.coming_sessions.map(({ session_id }: { session_id: string }) => session_id).slice(0, 2), [
    coming[1],
    coming[0]
  ])
  t.equal(data.coming_sessions.length, 3)
  t.same(data.follow_ups, [
    { kind: 'sheet_missing', session_id: sessions[6], person_id: null, note_id: null },
    { kind: 'sheet_missing', session_id: sessions[7], person_id: null, note_id: null },
    { kind: 'missed_in_a_row', session_id: null, person_id: ana, note_id: null },
    { kind: 'note', session_id: sessions[1], person_id: null, note_id: open }
  ])
  t.same(
    data.notes.map(({ id, text }: Record<string, unknown>) => [id, text]),
    [
      [open, 'Ask for the key.'],
      [handed, 'Begin with the round.']
    ]
  )

  // Who comes back begins anew: what was missed before is not counted.
  const back = (await admin.get(`/v1/people/${ana}/memberships`)).data.data[0]
  await admin.post(`/v1/memberships/${back.id}/leave`, { left_on: daysFromNow(-2) })
  await admin.post(`/v1/groups/${group_id}/memberships`, { person_id: ana, joined_on: daysFromNow(-1) })
  const again = (await now.get(`/v1/groups/${group_id}/handover`)).data
  t.match(again.roster[0], { display_name: 'Ana', joined_on: daysFromNow(-1), missed_in_a_row: 0 })

  const empty = (await admin.get(`/v1/groups/${await makeGroup(admin)}/handover`)).data
  t.match(empty, { facilitators: [], roster: [], recent_sessions: [], coming_sessions: [], follow_ups: [], notes: [] })
})
