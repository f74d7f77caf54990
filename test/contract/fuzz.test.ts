import { Ajv2020 } from 'ajv/dist/2020.js'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { isTimeZone } from '../../src/clock/time-zones.ts'
import { addFormats } from '../../src/http/formats.ts'
import { startApp } from '../support/app.ts'
import { makeGroup, makeMember, makeSession, minutesFromNow } from '../support/circle.ts'
import { brokenDocument, brokenServer, goodKey, planted } from './fuzz/broken.ts'
import { Fuzzer, type Options } from './fuzz/fuzzer.ts'
import { Judge } from './fuzz/request.ts'

// The same walk every time, so that a red run means a change and not luck; another seed explores.
const seed = Number(process.env.FUZZ_SEED ?? 1)
const seconds = Number(process.env.FUZZ_SECONDS ?? 6)

/** Refusals that a schema cannot tell of, so that a request that keeps the contract may meet them. */
const domainRules = new Set([
  // A cursor is a text; whether it is one of ours, only its signature tells.
  '* invalid_cursor',
  // No parameter holds control characters: said once for all of them.
  '* characters',
  // What the key was used for before is no matter of its form.
  '* idempotency_key_reused',
  // From whom to whom: that there is nobody, or that one cannot see them.
  'createMembership unknown_reference',
  'createJoinRequest unknown_reference',
  'assignFacilitator unknown_reference',
  'nameSessionFacilitator unknown_reference',
  'nameSessionFacilitator not_a_substitute',
  'createApiKey unknown_reference',
  'createStrategy unknown_reference',
  'updateStrategy unknown_reference',
  'putToolboxCard unknown_reference',
  'createPractice unknown_reference',
  'createPracticeReminder unknown_reference',
  // What only the contributor was given.
  'liftStrategyAnonymity wrong_secret',
  // One time beside another, or beside today.
  'createMembership too_far_ahead',
  'leaveMembership too_far_ahead',
  'leaveMembership left_before_joining',
  'approveMembership too_far_ahead',
  'acceptMembership too_far_ahead',
  'pauseMembership too_far_ahead',
  'resumeMembership too_far_ahead',
  'createMembershipAbsence too_far_ahead',
  'createMembershipAbsence ends_before_it_begins',
  'assignFacilitator ends_before_start',
  'endFacilitator ends_before_start',
  'createApiKey expires_in_the_past',
  'createShareLink expires_in_the_past',
  'createShareLink expires_too_late',
  'createClosure unknown_reference',
  'importClosures unknown_reference',
  'createClosure ends_before_start',
  'createClosure too_long',
  'endSeries ends_before_start',
  'splitSeries no_occurrence',
  'splitSeries too_early',
  'splitSeries too_late',
  'previewSeries unknown_reference',
  'previewSeries too_early',
  'previewSeries too_late',
  'createSeries too_early',
  'createSeries too_late',
  'createPracticeReminder too_early',
  'createPracticeReminder too_late',
  'createPractice in_the_future',
  'getFeed range',
  // What belongs together, or excludes each other: 3.0 has no words for it, and clumsy types come of those in 3.1.
  'listGroups incomplete',
  'createGroup place_required',
  'createGroup incomplete_coordinates',
  'updateGroup incomplete_coordinates',
  'createSeries incomplete_coordinates',
  'updateSeries incomplete_coordinates',
  'splitSeries incomplete_coordinates',
  'scheduleSession incomplete_coordinates',
  'updateSession incomplete_coordinates',
  'updateGroup place_required',
  'createStrategy contributor_incomplete',
  'updateStrategy contributor_incomplete',
  'createStrategy group_required',
  'updateStrategy group_required',
  'liftStrategyAnonymity contributor_incomplete',
  'searchPeople one_criterion',
  'searchPeople no_letters',
  'putAttendanceSheet only_for_present',
  'putAttendanceSheet not_on_roster',
  'putAttendanceSheet on_roster',
  'putAttendanceSheet duplicate_person',
  'putAttendanceSheet unknown_person',
  'putAttendanceSheet required',
  'putAttendanceSheet unknown_reference',
  'syncAttendance required',
  'identifyAttendanceHead required',
  'identifyAttendanceHead no_such_head',
  'identifyAttendanceHead duplicate_person',
  'identifyAttendanceHead unknown_person',
  // A pattern can tell what a day looks like, not whether there is one.
  'listSessions format',
  'listGroupSessions format',
  'listAttendance format',
  'listPersonAttendance format',
  'scheduleSession too_early',
  'scheduleSession too_late',
  'updateSession too_early',
  'updateSession too_late',
  // Only once there is a sheet.
  'putAttendanceSheet precondition_required',
  // Rules and CSV are languages of their own.
  'importClosures malformed_calendar',
  'importStrategiesFromCsv malformed_csv',
  'importStrategiesFromCsv unknown_column',
  'importStrategiesFromCsv duplicate_column',
  'createSeries invalid_rrule',
  'updateSeries invalid_rrule',
  'splitSeries invalid_rrule',
  'previewSeries invalid_rrule',
  'createPracticeReminder invalid_rrule'
])

t.test('the fuzzer finds every planted defect, and nothing where there is none', async t => {
  const app = await brokenServer()
  t.teardown(() => app.close())
  const fuzzer = new Fuzzer({ document: brokenDocument, judge: judge(), send: sendTo(app), key: goodKey, seed: 1 })
  const found = () => new Set(fuzzer.findings.map(({ operation, check }) => `${operation} ${check}`))
  await fuzzer.cover()
  for (const { id, check, deep = false, further } of planted) {
    if (check === undefined) continue
    const operation = further === undefined ? id : `${further} /${id}`
    t.equal(found().has(`${operation} ${check}`), !deep, `${operation}: ${check}${deep ? ', not at the edges' : ''}`)
  }
  await fuzzer.explore(60, planted.length * 4)
  for (const { id, check, deep } of planted)
    if (deep === true) t.ok(found().has(`${id} ${check}`), `${id}: ${check}, at random`)
  const expected = new Set(
    planted.map(({ id, check, further }) => `${further === undefined ? id : `${further} /${id}`} ${check}`)
  )
  t.strictSame(
    fuzzer.findings.filter(({ operation, check }) => !expected.has(`${operation} ${check}`)),
    [],
    'and nothing else'
  )
  t.match(
    fuzzer.findings.find(({ operation }) => operation === 'parameterTwice'),
    { label: 'query limit twice', curl: /limit=1&limit=1.*\$KEY/ }
  )
  t.notMatch(JSON.stringify(fuzzer.findings), goodKey, 'a finding can be shown to anybody')
})

t.test('the service and its document agree', async t => {
  t.comment(`FUZZ_SEED=${seed} FUZZ_SECONDS=${seconds}`)
  const service = await startApp(t)
  const admin = await service.organization()
  const { key, staff } = (await admin.get('/v1/me')).data
  const group = await makeGroup(admin)
  const member = await makeMember(admin, group, 'Ana')
  const session = await makeSession(admin, group)
  const missed = await makeSession(admin, group)
  const coming = await makeSession(admin, group, -3000)
  const [logged, wrong] = [await makeSession(admin, group), await makeSession(admin, group)]
  for (const id of [logged, wrong])
    await admin.put(`/v1/sessions/${id}/attendance`, { records: [], anonymous_count: 1000 })
  const write = async (contributor: object) =>
    (await admin.post('/v1/strategies', { title: 'Walk', contributor })).data as {
      id: string
      contributor_secret: string
    }
  const shared = await write({ kind: 'nickname', nickname: 'R' })
  const link = await admin.post(`/v1/strategies/${shared.id}/share_links`, { expires_at: minutesFromNow(60) })
  // Somebody for each thing that happens to a membership once.
  const small = await makeGroup(admin, { capacity: 5 })
  const join = async (how: 'memberships' | 'join-requests') => {
    const { data } = await admin.post('/v1/people', { display_name: 'Ben' })
    return (await admin.post(`/v1/groups/${small}/${how}`, { person_id: data.id })).data.id as string
  }
  const several = async (count: number, how: 'memberships' | 'join-requests') => {
    const ids: string[] = []
    for (let n = 0; n < count; n++) ids.push(await join(how))
    return ids as [string, string, string]
  }
  const [pauses, paused, away, ...leave] = await several(5, 'memberships')
  const [accepts, declines] = await several(2, 'memberships')
  for (const id of leave) await admin.post(`/v1/memberships/${id}/leave`)
  const [approved, refused, withdraws] = await several(3, 'join-requests')
  await admin.post(`/v1/memberships/${paused}/pause`)
  const days = { from: '2026-01-01', until: '2026-01-02' }
  const absence = (await admin.post(`/v1/memberships/${pauses}/absences`, days)).data.id as string
  const once = [small, pauses, paused, away, accepts, declines, approved, refused, withdraws, absence]
  const anonymous = await write({ kind: 'anonymous' })
  const fuzzer = new Fuzzer({
    document: (await service.app.inject('/openapi.json')).json(),
    judge: judge(),
    send: sendTo(service.app),
    key: admin.key,
    // Whoever asks must go on being let in, a session stay open for its sheet, and a seat be kept.
    spared: new Set([key.id, staff?.id, session, missed, coming, logged, wrong, shared.id, ...once]),
    refusals: { path: [404], query: [400], header: [400, 428], body: [422] },
    headers: { 'if-match': '*' },
    allowed: domainRules,
    bodies: {
      createStaff: () => ({ display_name: 'Sam', role: 'facilitator' }),
      createPerson: () => ({ display_name: 'Ana', contact: { phone: '+1 415 555 0100', preferred: 'phone' } }),
      searchPeople: () => ({}),
      putAttendanceSheet: () => ({
        records: [{ person_id: member, status: 'present', mode: 'in_person', minutes: 90 }],
        walk_ins: [{ display_name: 'Ben', mode: 'video' }],
        anonymous_count: 3
      }),
      identifyAttendanceHead: () => ({ display_name: 'Li' }),
      importStrategiesFromCsv: () => 'title,steps\r\nHold ice,Take it\r\n',
      liftStrategyAnonymity: () => ({ secret: anonymous.contributor_secret, kind: 'nickname', nickname: 'Robin' })
    },
    paths: {
      putAttendanceSheet: { session_id: session },
      getAttendanceSheet: { session_id: session },
      identifyAttendanceHead: { session_id: logged },
      withdrawAttendanceSheet: { session_id: wrong },
      putRsvp: { session_id: coming, person_id: member },
      putAttendanceNote: { session_id: session, person_id: member },
      removeAttendanceNote: { session_id: session, person_id: member },
      // The others may be left, answered or away by now.
      acceptMembership: { membership_id: accepts },
      declineMembership: { membership_id: declines },
      approveMembership: { membership_id: approved },
      refuseMembership: { membership_id: refused },
      withdrawMembership: { membership_id: withdraws },
      pauseMembership: { membership_id: pauses },
      resumeMembership: { membership_id: paused },
      createMembershipAbsence: { membership_id: away },
      getMembershipAbsence: { membership_id: pauses, absence_id: absence },
      withdrawMembershipAbsence: { membership_id: pauses, absence_id: absence },
      // The others may be to come.
      markSessionDidNotHappen: { session_id: missed },
      // The others may be hidden or retired by now.
      createShareLink: { strategy_id: shared.id },
      getSharedStrategy: { secret: link.data.url.split('/').at(-1) },
      liftStrategyAnonymity: { strategy_id: anonymous.id }
    },
    seed
  })
  for (const operation of ['createGroup', 'createPerson', 'createStaff', 'assignFacilitator', 'createMembership']) {
    await fuzzer.seed(operation)
  }
  await fuzzer.seed('scheduleSession', { starts_at: minutesFromNow(-120) })
  await fuzzer.seed('searchPeople', { name: 'an' })
  await fuzzer.cover()
  await fuzzer.explore(seconds)
  t.comment(`${fuzzer.requests} requests`)
  for (const finding of fuzzer.findings) t.fail(`${finding.check} ${finding.operation}: ${finding.detail}`, finding)
  for (const { id } of fuzzer.contract.operations) {
    t.ok(
      [...fuzzer.answers.keys()].some(answer => answer.startsWith(`${id} 2`)),
      `${id} was reached`
    )
  }
  for (const check of [
    'status',
    'header',
    'content_type',
    'body',
    'positive',
    'negative',
    'available',
    'auth',
    'method'
  ]) {
    t.ok((fuzzer.looked.get(check) ?? 0) > 50, `${check} had something to look at`)
  }
})

function judge(): Judge {
  const ajv = new Ajv2020({ strict: false, allErrors: false, strictNumbers: true, validateFormats: true })
  addFormats(ajv as never, { timeZone: isTimeZone })
  ajv.addFormat('uri-reference', text => URL.canParse(text, 'https://circlekeeper.example'))
  return new Judge(ajv)
}

function sendTo(app: { inject(options: InjectOptions): Promise<unknown> }): Options['send'] {
  return async ({ method, url, headers, payload, from }) => {
    const reply = (await app.inject({
      method: method as 'GET',
      url,
      headers,
      remoteAddress: from,
      ...(payload !== undefined && { payload })
    })) as {
      statusCode: number
      headers: Record<string, unknown>
      body: string
    }
    return { status: reply.statusCode, headers: reply.headers, body: reply.body }
  }
}
