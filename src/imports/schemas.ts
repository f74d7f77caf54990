import { type Static, Type } from 'typebox'
import { Answer, Defaulted, Id, Nullable, OneOf, Parameters, Slug, TimeZone } from '../http/schemas.ts'

/** What became of a row. */
export const rowResults = ['created', 'updated', 'unchanged', 'skipped'] as const

/** The most rows that one list may have, and bytes that it may take. */
export const most = { rows: 10_000, bytes: 8 * 1024 * 1024 }

/** Any JSON is a row here: one that is no meeting is skipped by name and leaves the others alone. */
export const MeetingGuideList = Type.Array(
  Type.Unknown({ description: 'A meeting, as the Meeting Guide format has it.' }),
  {
    $id: 'MeetingGuideList',
    title: 'MeetingGuideList',
    minItems: 1,
    maxItems: most.rows,
    description: 'A Meeting Guide list (https://github.com/code4recovery/spec): an array of weekly meetings.',
    examples: [
      [
        {
          slug: 'sunday-serenity',
          name: 'Sunday Serenity',
          day: 0,
          time: '18:00',
          end_time: '19:00',
          timezone: 'America/Los_Angeles',
          types: ['O', 'D', 'X'],
          location: 'Community Center',
          address: '123 Main Street',
          city: 'Anytown',
          state: 'CA'
        }
      ]
    ]
  }
)

/** @param codes that there are, for people */
export const RowProblem = (codes: string) =>
  Type.Unsafe<{
    code: string
    detail: string
    errors: { pointer: string; code: string; detail: string }[]
  } | null>({
    type: ['object', 'null'],
    description: 'Why the row was skipped; null for all others.',
    required: ['code', 'detail', 'errors'],
    properties: {
      code: Type.String({ description: `${codes}. More values may be added.`, examples: ['invalid_row'] }),
      detail: Type.String({ description: 'For people. Never repeats what was sent.' }),
      errors: Type.Array(
        Type.Object({
          pointer: Type.String({
            description: 'Where in the list: a JSON pointer as a URI fragment.',
            examples: ['#/3/time']
          }),
          code: Type.String({ examples: ['invalid_time'] }),
          detail: Type.String()
        })
      )
    }
  })

const count = Type.Integer({ minimum: 0 })

/** How many rows became what. */
export const RowCounts = Type.Object({ created: count, updated: count, unchanged: count, skipped: count })

export const MeetingGuideResult = Answer(
  'MeetingGuideResult',
  {
    index: Type.Integer({ minimum: 0, description: 'The place of the row in the list, from 0.' }),
    slug: Nullable({ ...Slug, description: 'The slug of the group; null if the row has none that can be read.' }),
    result: OneOf(rowResults, {
      description: '`updated`: the group or its weekly time. `skipped`: `problem` says why.'
    }),
    group_id: Nullable(Id),
    problem: RowProblem('`invalid_row`, `duplicate_slug`, `group_archived` or `slug_taken`')
  },
  { description: 'What became of one row.' }
)
export type MeetingGuideResult = Static<typeof MeetingGuideResult>

export const MeetingGuideImport = Answer(
  'MeetingGuideImport',
  {
    results: Type.Array(Type.Unsafe<MeetingGuideResult>({ $ref: 'MeetingGuideResult#' }), {
      description: 'One for each row, in the order of the list.'
    }),
    left: Type.Array(
      Type.Object({
        slug: Slug,
        group_id: Id,
        ended: Type.Boolean({ description: 'Whether its series was ended, as asked.' })
      }),
      {
        description:
          'Groups that meet by an earlier list, and that this one does not name. Their series go on unless `end_left` is given; in a list that names them again they begin anew.'
      }
    ),
    counts: RowCounts
  },
  { description: 'What became of a list.' }
)
export type MeetingGuideImport = Static<typeof MeetingGuideImport>

export const MeetingGuideQuery = Parameters({
  time_zone: Type.Optional({ ...TimeZone, description: 'The zone of rows that name none: an IANA time zone name.' }),
  end_left: Defaulted(
    Type.Boolean({
      description: 'End the series of groups that the list names no more. Give it with whole lists only.'
    }),
    false
  )
})

export const schemas = [MeetingGuideList, MeetingGuideResult, MeetingGuideImport]
