import { type Static, Type } from 'typebox'
import {
  Answer,
  Body,
  Id,
  Instant,
  Nullable,
  named,
  OneOf,
  Page,
  Parameters,
  pageQuery,
  Version
} from '../http/schemas.ts'
import { facts, SheetRecordPut, SheetWalkInPut, sheetPut, status } from './schemas.ts'
import { submissionOutcomes } from './vocabulary.ts'

/** The most sheets of one batch, and bytes that it may take. */
export const most = { sheets: 200, bytes: 4 * 1024 * 1024 }

/** A UUID of version 7 (RFC 9562 §5.7), made by the device. It names nothing yet, and so is no `Id`. */
const NewId = Type.String({
  pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$',
  maxLength: 36,
  description:
    'A UUID of version 7, made by the device when the sheet was saved. Sent again, it is answered as it was the first time, and has no second effect.',
  examples: ['0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f70']
})

export const SyncedSheet = Type.Object(
  {
    id: NewId,
    session_id: Id,
    base_version: Type.Integer({
      minimum: 0,
      maximum: 2_147_483_647,
      description:
        'The `version` of the sheet that the device had read when it was filled in; 0 where none was put yet. Not the `version` that a result tells before the sheet was read again: a merged sheet says more than the device knows, and would be taken back to what it said.'
    }),
    follows: Type.Optional(
      Nullable({
        ...Id,
        description:
          'The `id` of the sheet that this one corrects, where the device has not read the sheet since it made that one, answered or not: it was begun from what that one said. What others wrote meanwhile stays. Where that one was not kept, or is a conflict, `base_version` holds.'
      })
    ),
    ...sheetPut
  },
  { title: 'SyncedSheet', additionalProperties: false, description: 'A whole sheet that was filled in on a device.' }
)

/** What a batch must be for each of its sheets to have a result. */
export const SyncEnvelope = Type.Object(
  {
    device_time: Instant,
    sheets: Type.Array(Type.Object({ id: NewId }), { minItems: 1, maxItems: most.sheets })
  },
  { additionalProperties: false }
)

export const AttendanceSync = Body(
  'AttendanceSync',
  {
    device_time: {
      ...Instant,
      description:
        'What the device’s clock shows as it sends this. More than five minutes off, the server’s time is kept for every sheet, and flagged.'
    },
    sheets: Type.Array(SyncedSheet, {
      minItems: 1,
      maxItems: most.sheets,
      description:
        'Twenty of one session at the most. One that is no sheet (an unknown field, a status that there is not) has that as its result, as long as it has an `id`.'
    })
  },
  {
    description: 'Sheets that were filled in without a network.',
    examples: [
      {
        device_time: '2026-11-24T08:00:00Z',
        sheets: [
          {
            id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f70',
            session_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f61',
            base_version: 0,
            records: [{ person_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60', status: 'present' }],
            anonymous_count: 1,
            occurred_at: '2026-11-24T04:40:00Z'
          }
        ]
      }
    ]
  }
)
export type AttendanceSync = Static<typeof AttendanceSync>

const SheetContent = Type.Object(
  {
    records: Type.Array(SheetRecordPut, { description: 'Those of the roster of whom something was recorded.' }),
    walk_ins: Type.Array(SheetWalkInPut),
    anonymous_count: Type.Integer({ minimum: 0 })
  },
  { title: 'SheetContent', description: 'What a sheet says, as it can be put.' }
)

const row = Nullable(
  Type.Object(
    { kind: OneOf(['roster', 'walk_in']), status, ...facts },
    { title: 'SheetSide', description: 'What one side says.' }
  )
)

export const SheetConflict = Answer(
  'SheetConflict',
  {
    id: { ...Id, description: 'The id that the device gave its sheet.' },
    session_id: Id,
    submitted_at: Instant,
    submitted_by: Type.Unsafe<{ staff_id: string | null; api_key_id: string }>({
      type: 'object',
      description: 'Who sent it.',
      required: ['staff_id', 'api_key_id'],
      properties: { staff_id: Nullable(Id), api_key_id: Id }
    }),
    stored_version: { ...Version, description: 'The version that it met.' },
    stored: SheetContent,
    yours: SheetContent,
    differences: Type.Array(
      Type.Object(
        {
          person_id: Nullable({
            ...Id,
            description:
              'null: the anonymous heads and the walk-ins by name, taken together; `stored` and `yours` here are null then, and the sheets beside say what they are.'
          }),
          stored: row,
          yours: row
        },
        { title: 'SheetDifference', description: 'Somebody of whom both say something, each something else.' }
      ),
      {
        description:
          'What is said differently. There may be nothing, and the sheet still not have been taken: because it was locked, and only coordinators change it, or withdrawn since the device began.'
      }
    )
  },
  {
    description:
      'Two sheets of one session that do not agree: what stands, and what a device sent. Both are kept until somebody decides, by a PUT of the sheet whose `resolves` names this id.'
  }
)
export type SheetConflict = Static<typeof SheetConflict>

export const AttendanceSyncResult = Answer(
  'AttendanceSyncResult',
  {
    index: Type.Integer({ minimum: 0, description: 'The place of the sheet in the batch, from 0.' }),
    id: Id,
    status: Type.Integer({ description: 'As an HTTP status: 200; 409 for a conflict; otherwise that of the problem.' }),
    outcome: Nullable(
      OneOf(submissionOutcomes, {
        description:
          '`stored`: as it was sent. `merged`: with what somebody else had recorded since. `unchanged`: the sheet said so already. `conflict`: both are kept, and what stands stays. null: `problem` says why nothing was kept.'
      })
    ),
    version: Nullable({ ...Version, description: 'The version of the sheet that it made, or met.' }),
    clock_off: Type.Boolean({ description: 'The device’s clock could not be right, and the server’s time was kept.' }),
    conflict: Type.Optional(named(SheetConflict)),
    problem: Type.Unsafe<{
      code: string
      detail: string
      errors: { pointer: string; code: string; detail: string }[]
    } | null>({
      type: ['object', 'null'],
      description: 'Why the sheet was not kept.',
      required: ['code', 'detail', 'errors'],
      properties: {
        code: Type.String({ description: 'As of a problem. More values may be added.', examples: ['not_found'] }),
        detail: Type.String(),
        errors: Type.Array(
          Type.Object({
            pointer: Type.String({ description: 'Where in the batch.', examples: ['#/sheets/0/records/3/person_id'] }),
            code: Type.String(),
            detail: Type.String()
          })
        )
      }
    })
  },
  { description: 'What became of one sheet.' }
)
export type AttendanceSyncResult = Static<typeof AttendanceSyncResult>

export const AttendanceSynced = Answer(
  'AttendanceSynced',
  { results: Type.Array(named(AttendanceSyncResult), { description: 'One for each sheet, in their order.' }) },
  { description: 'What became of a batch of sheets.' }
)
export type AttendanceSynced = Static<typeof AttendanceSynced>

export const SheetConflictPage = Page('SheetConflictPage', SheetConflict)
export const SheetConflictQuery = Parameters({ ...pageQuery, session_id: Type.Optional(Id) })

export const schemas = [SheetConflict, AttendanceSync, AttendanceSyncResult, AttendanceSynced, SheetConflictPage]
