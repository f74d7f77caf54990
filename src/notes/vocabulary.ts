/** Whether something that a note asks for is still to be done. */
export const followUps = ['open', 'done'] as const
