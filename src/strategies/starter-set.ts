import type { CategoryKey, WhereUsable } from './vocabulary.ts'

/**
 * A card of the starter set, as `createStrategy` takes it; `key` never changes, so that switching it on twice adds
 * nothing.
 */
export interface StarterCard {
  key: string
  title: string
  summary: string
  when_it_helps: string
  steps: string[]
  minutes: number
  where_usable: WhereUsable[]
  topics: string[]
  category: CategoryKey
  source: string
}

/**
 * Well-known coping techniques, described publicly by others. The words are our own; each card names its source. The
 * cards complement professional care and never replace it.
 */
export const starterSet: readonly StarterCard[] = [
  {
    key: 'box-breathing',
    title: 'Box breathing',
    summary:
      'Four equal sides, like drawing a square: in, pause, out, pause. The counting gives your mind something steady to hold while your breath slows down.',
    when_it_helps:
      'Before a hard conversation, in a waiting room, or when your thoughts race and you need to look calm and feel calmer without anyone noticing.',
    steps: [
      'Put both feet on the floor, let your shoulders drop, and breathe out gently until your lungs feel empty.',
      'Breathe in through your nose while you count to four in your head, drawing the first side of the square.',
      'Pause for a count of four with your throat and jaw soft. If holding feels unpleasant, leave out both pauses.',
      'Breathe out for a count of four, as if you were slowly fogging a window.',
      'Pause for a count of four, then start the next square.',
      'Go around four or five times. If you get light-headed, return to your usual breath at once and rest.'
    ],
    minutes: 3,
    where_usable: ['anywhere'],
    topics: ['anxiety', 'stress', 'anger', 'overwhelm'],
    category: 'breathing',
    source:
      'A traditional counted breath, close to the equal breathing (sama vritti) of yoga; tested as “box breathing” by Balban et al., Brief structured respiration practices enhance mood and reduce physiological arousal, Cell Reports Medicine, 2023.'
  },
  {
    key: 'longer-out-breath',
    title: 'Longer out-breath',
    summary:
      'You make each breath out a little longer than the breath in. It is the simplest breathing exercise to remember when you can hardly think.',
    when_it_helps: 'When your heart pounds, when panic is rising, or when you lie awake and your body will not settle.',
    steps: [
      'Breathe out first, with a sigh if you like. You do not need a big breath in before you begin.',
      'Breathe in softly through your nose while you count to three.',
      'Breathe out through slightly closed lips while you count to five, as if cooling a spoon of soup.',
      'If the numbers feel like work, drop them and just let the out-breath take its time.',
      'Keep going for ten breaths, counting each out-breath on your fingers.',
      'Notice one spot that is a bit looser than before: hands, jaw, or belly. If you feel dizzy, breathe as you normally do.'
    ],
    minutes: 3,
    where_usable: ['anywhere'],
    topics: ['panic', 'anxiety', 'stress', 'sleep'],
    category: 'breathing',
    source:
      'A long-used relaxation exercise; the effect of a longer out-breath was studied by Van Diest et al., Inhalation/exhalation ratio modulates the effect of slow breathing on heart rate variability and relaxation, Applied Psychophysiology and Biofeedback, 2014.'
  },
  {
    key: 'belly-breathing',
    title: 'Belly breathing',
    summary:
      'You let the breath sink from your chest down into your belly. Your hands show you whether it is working, so there is nothing to guess.',
    when_it_helps:
      'When your breath is quick and high in your chest, or as a daily practice so that your body knows the way when stress comes.',
    steps: [
      'Sit back or lie down. Put one hand on your chest and the other on your belly, just below the ribs.',
      'Breathe out slowly and let your belly sink.',
      'Breathe in through your nose so that the lower hand rises while the upper hand stays almost still.',
      'Let the breath flow out by itself and feel the lower hand sink again. Do not push.',
      'If your chest keeps lifting, make the breath smaller rather than bigger. Small and low is enough.',
      'Stay with it for about five minutes, and practice on calm days too so that it is there on hard ones.'
    ],
    minutes: 5,
    where_usable: ['home', 'work', 'in_bed'],
    topics: ['anxiety', 'panic', 'stress', 'sleep'],
    category: 'breathing',
    source:
      'A traditional exercise, also called diaphragmatic or abdominal breathing; described for example by Davis, Eshelman and McKay, The Relaxation and Stress Reduction Workbook, New Harbinger Publications, first published 1980.'
  },
  {
    key: 'five-senses-grounding',
    title: '5-4-3-2-1 grounding',
    summary:
      'You count your way back into the room with your five senses. By the time you reach one, you are usually more here than where you started.',
    when_it_helps:
      'When you feel unreal or far away, when panic takes over, or when a memory or worry pulls you out of the present.',
    steps: [
      'Say to yourself where you are and what day it is. Press your feet into the floor.',
      'Name five things you can see. Pick details: a scratch on the table, the color of a cup.',
      'Name four things you can feel: your sleeve on your wrist, the chair at your back, the air on your face.',
      'Name three things you can hear, near or far, even a hum or your own breath.',
      'Name two things you can smell. If there is nothing, recall two smells that you like.',
      'Name one thing you can taste, or take a sip of water and follow it down.',
      'Look around once more. If you are still far away, start again at five, slowly and out loud.'
    ],
    minutes: 5,
    where_usable: ['anywhere'],
    topics: ['panic', 'dissociation', 'anxiety', 'overwhelm'],
    category: 'grounding',
    source:
      'A widely taught exercise of uncertain origin, often credited to Betty Alice Erickson’s work in hypnosis; grounding as a coping skill is described by Lisa M. Najavits, Seeking Safety, 2002, Guilford Press.'
  },
  {
    key: 'safe-place-imagery',
    title: 'A safe place in your mind',
    summary:
      'You build a calm place in your imagination, one sense at a time, and give it a name so that you can find the way back quickly.',
    when_it_helps:
      'When you are tense before something difficult, when you cannot leave a stressful place, or at the end of a heavy day.',
    steps: [
      'Sit comfortably. Close your eyes, or rest them on one spot if closing them makes you uneasy.',
      'Choose a place, real or invented, where nothing is asked of you. Choose one without hard memories attached.',
      'Look around there: what colors, what light, what time of day?',
      'Add sounds, then the temperature on your skin, then a smell.',
      'Find your own spot in it and settle down. Notice where in your body it feels easier.',
      'Give the place a short name and say it to yourself with one slow breath.',
      'Come back: open your eyes, move your fingers, name three things in the room. If the image turns unpleasant, come back right away.'
    ],
    minutes: 10,
    where_usable: ['home', 'work', 'public_transport', 'in_bed'],
    topics: ['anxiety', 'stress', 'overwhelm', 'sleep'],
    category: 'grounding',
    source:
      'A long-used guided imagery exercise without a single author; described for example by Davis, Eshelman and McKay, The Relaxation and Stress Reduction Workbook, New Harbinger Publications, first published 1980.'
  },
  {
    key: 'cold-water-reset',
    title: 'Cold water reset',
    summary:
      'Cold on your face can bring a very strong feeling down quickly. It slows the heart, so ask a professional first if you have a heart condition or an eating disorder.',
    when_it_helps:
      'When a feeling is so strong that you cannot think, and you need to get through the next few minutes without doing something you would regret.',
    steps: [
      'Check first: with a heart condition, an eating disorder, a pregnancy, or medicine that acts on your heart, ask a professional before you try this. Use another card for now.',
      'Run cold water, cold but not painful, and soak a washcloth. A cool pack wrapped in a cloth also works.',
      'Sit down and lean forward a little.',
      'Take a normal breath, hold it gently, and press the cold cloth over your eyes and cheeks.',
      'Count slowly to fifteen. Let go earlier whenever you want to, and never force the breath.',
      'Breathe out, take the cloth away, and take three slow breaths. Repeat once or twice if it helps.',
      'Dry your face. Now that the wave is smaller, choose your next step: call someone, or take another card.'
    ],
    minutes: 5,
    where_usable: ['home', 'work'],
    topics: ['panic', 'anger', 'overwhelm', 'craving', 'dissociation'],
    category: 'body',
    source:
      'Adapted from the temperature part of the TIP skills in Marsha M. Linehan, DBT Skills Training Manual, 2nd ed., 2015, Guilford Press.'
  },
  {
    key: 'progressive-muscle-relaxation',
    title: 'Progressive muscle relaxation',
    summary:
      'You tighten one group of muscles at a time and then let it go. The contrast teaches your body what letting go feels like.',
    when_it_helps:
      'When your shoulders sit at your ears, when your jaw is clenched, or when you are tired and still too tense to sleep.',
    steps: [
      'Sit or lie down where you will not be disturbed. Leave out any part of your body that hurts or is injured.',
      'Make fists, about half as hard as you can, for five seconds. Feel exactly where it pulls.',
      'Let go all at once. Spend fifteen seconds noticing the difference.',
      'Do the same with your upper arms, then raise your shoulders and let them fall.',
      'Go on with your face: squeeze your eyes shut, press your lips together, let go.',
      'Tighten your belly, then your thighs, then your calves and feet, each time letting go slowly and fully.',
      'Lie still for a minute. If something is still tight, give it one more round, then stretch and come back.'
    ],
    minutes: 15,
    where_usable: ['home', 'in_bed'],
    topics: ['stress', 'anxiety', 'sleep', 'anger'],
    category: 'body',
    source:
      'Edmund Jacobson, Progressive Relaxation, 1929, 2nd ed. 1938, University of Chicago Press; shortened by Bernstein and Borkovec, Progressive Relaxation Training, 1973, Research Press.'
  },
  {
    key: 'body-scan',
    title: 'Body scan',
    summary:
      'You travel through your body with your attention, from your feet to your head, without having to change anything you find.',
    when_it_helps:
      'When your head is full and you have lost touch with your body, in the evening, or when you want to rest without sleeping.',
    steps: [
      'Lie down or sit supported. Decide that for the next minutes you only notice, and nothing needs fixing.',
      'Feel where your body touches the bed or the chair, and let it carry your weight.',
      'Move your attention to your toes. Warm, cold, tingling, nothing at all: each answer is right.',
      'Travel on slowly: feet, calves, knees, thighs, hips, belly, back, chest.',
      'Continue with hands, arms, shoulders, neck, and face, about three breaths for each place.',
      'When your thoughts wander off, and they will, return to the place where you last were.',
      'Feel your whole body breathing once. If any part feels too much, open your eyes and feel your feet on the ground instead.'
    ],
    minutes: 20,
    where_usable: ['home', 'in_bed'],
    topics: ['stress', 'anxiety', 'sleep', 'rumination'],
    category: 'mindfulness',
    source:
      'Jon Kabat-Zinn, Full Catastrophe Living, 1990, Delacorte Press, from the stress reduction program at the University of Massachusetts Medical Center.'
  },
  {
    key: 'three-minute-breathing-space',
    title: 'Three-minute breathing space',
    summary:
      'Three short minutes shaped like an hourglass: wide attention, narrow attention, wide again. It steps you out of autopilot in the middle of a day.',
    when_it_helps: 'Between two tasks, when your mood starts sliding, or when the same thoughts have begun to circle.',
    steps: [
      'Change your posture on purpose: sit or stand a little taller and set down what is in your hands.',
      'First minute: ask what is here right now. Name a thought, a feeling, and something your body senses.',
      'Second minute: gather your attention on your breath at one spot, such as your nose or your belly.',
      'Each time your attention drifts, bring it back to the next breath, as kindly as you can.',
      'Third minute: widen out to your whole body, your face, your posture, and the room around you.',
      'Before you go on, ask: what would be a kind or useful next thing to do? Do that one thing.'
    ],
    minutes: 3,
    where_usable: ['anywhere'],
    topics: ['depression', 'rumination', 'stress', 'worry'],
    category: 'mindfulness',
    source: 'Segal, Williams and Teasdale, Mindfulness-Based Cognitive Therapy for Depression, 2002, Guilford Press.'
  },
  {
    key: 'leaves-on-a-stream',
    title: 'Leaves on a stream',
    summary:
      'You set each thought on a leaf and watch the water carry it. You are not pushing thoughts away; you are practicing not climbing onto each one.',
    when_it_helps:
      'When a thought keeps coming back, when you argue with yourself in circles, or when worries fill a quiet moment.',
    steps: [
      'Sit comfortably and picture a slow stream with leaves floating by. You are sitting on the bank.',
      'Wait for the next thought. Whatever comes, nice or nasty, set it on a leaf, as words or as a picture.',
      'Let the leaf move at its own speed. You do not have to hurry it along.',
      'If a leaf gets stuck, let it hang there. It will move when it moves.',
      'If “this is silly” or “I cannot do this” shows up, that is a thought too: give it a leaf.',
      'When you notice that you are in the water with a thought, climb back on the bank and begin again.',
      'After about five minutes, open your eyes and feel your feet on the ground.'
    ],
    minutes: 6,
    where_usable: ['home', 'outdoors', 'public_transport', 'in_bed'],
    topics: ['rumination', 'worry', 'anxiety', 'depression'],
    category: 'mindfulness',
    source:
      'An exercise of Acceptance and Commitment Therapy; described for example by Steven C. Hayes with Spencer Smith, Get Out of Your Mind and Into Your Life, 2005, New Harbinger Publications.'
  },
  {
    key: 'stop-skill',
    title: 'STOP',
    summary:
      'Four letters for the moment before you do something in anger or panic: stop, take a step back, observe, proceed with care.',
    when_it_helps:
      'When you are about to send the message, slam the door, say the sentence, or reach for something you have decided to leave alone.',
    steps: [
      'S, stop: freeze as if someone had pressed pause. Hands still, mouth closed, thumb off the screen.',
      'T, take a step back: really move back one step, put the phone face down, or leave the room for a minute. Breathe out slowly.',
      'O, observe: what just happened, what do you feel, and what does the feeling want you to do?',
      'Look outside yourself too: what do you know for certain, and what are you guessing?',
      'P, proceed with care: ask what you will be glad about tomorrow morning.',
      'Do the smallest thing that fits that answer. Doing nothing for an hour counts.'
    ],
    minutes: 2,
    where_usable: ['anywhere'],
    topics: ['anger', 'craving', 'overwhelm', 'stress', 'panic'],
    category: 'mindfulness',
    source: 'Adapted from Marsha M. Linehan, DBT Skills Training Manual, 2nd ed., 2015, Guilford Press.'
  },
  {
    key: 'naming-the-feeling',
    title: 'Naming the feeling',
    summary:
      'You look for the exact word for what you feel. A feeling that has a name is often easier to carry than one that is just “bad”.',
    when_it_helps: 'When you feel bad and cannot say why, when you snap at people, or before you share in your group.',
    steps: [
      'Pause and ask: where in my body do I feel this? Chest, throat, belly, hands?',
      'Try a broad word first: sad, angry, scared, ashamed, lonely, tired.',
      'Now look for a closer one: is it angry, or let down, or jealous, or worn out?',
      'Say it as “I notice that I feel …” rather than “I am …”. There may be two or three at once.',
      'Give it a size from zero to ten, just for now.',
      'Ask what this feeling is asking for, such as rest, company, or a boundary. You can decide later whether to follow it.'
    ],
    minutes: 3,
    where_usable: ['anywhere'],
    topics: ['overwhelm', 'anger', 'anxiety', 'shame', 'grief'],
    category: 'mindfulness',
    source:
      'Affect labeling, studied by Lieberman et al., Putting feelings into words: Affect labeling disrupts amygdala activity in response to affective stimuli, Psychological Science, 2007.'
  },
  {
    key: 'radical-acceptance',
    title: 'Radical acceptance',
    summary:
      'You stop fighting the fact that something has happened. It does not mean you like it, excuse it, or stay where you are being harmed.',
    when_it_helps:
      'When “it should not be like this” goes around and around, and the thing itself is past or cannot be changed today.',
    steps: [
      'Say in one plain sentence what is so, without judging it: “The job is gone”, “I drank on Friday”, “She died”.',
      'Notice the part of you that says no. Where in your body do you feel the no?',
      'Remind yourself that this moment has causes, a long chain of them, even if you would not have chosen any.',
      'Let your body say yes first: unclench your hands, turn your palms up, soften your face.',
      'Say: “This is how it is right now. I can be hurt and still take the next step.”',
      'Let sadness come if it comes. When the fight returns, turn toward acceptance again, as often as needed.',
      'If someone is hurting you or you are not safe, this is not the card: look for help and safety first.'
    ],
    minutes: 10,
    where_usable: ['anywhere'],
    topics: ['grief', 'anger', 'shame', 'addiction', 'rumination'],
    category: 'mindfulness',
    source: 'Adapted from Marsha M. Linehan, DBT Skills Training Manual, 2nd ed., 2015, Guilford Press.'
  },
  {
    key: 'worry-time',
    title: 'Worry time',
    summary:
      'Your worries get an appointment: the same place and time each day. Outside it, you write them down and let them wait.',
    when_it_helps:
      'When worries spread over the whole day and follow you to bed, and telling yourself not to worry only makes it worse.',
    steps: [
      'Choose a fixed quarter of an hour, not close to bedtime, and a fixed seat that is not your bed or favorite chair.',
      'When a worry shows up earlier, write it down in a few words and tell it: “I will see you at five.”',
      'Turn back to what you were doing, using your hands or your senses. Repeat as often as the worry knocks.',
      'At the set time, sit down with your list and cross out what no longer matters.',
      'For each worry left, ask whether there is something you can do. If so, write down the first step; if not, let it stay on paper.',
      'When the time is up, stop, even in the middle. Stand up, put the list away, and do something ordinary.'
    ],
    minutes: 15,
    where_usable: ['home', 'work'],
    topics: ['worry', 'anxiety', 'rumination', 'sleep'],
    category: 'thinking',
    source:
      'Borkovec, Wilkinson, Folensbee and Lerman, Stimulus control applications to the treatment of worry, Behaviour Research and Therapy, 1983.'
  },
  {
    key: 'thought-record',
    title: 'Thought record',
    summary:
      'You catch a painful thought on paper and look at it from both sides, the way a fair friend would. The aim is a truer thought, not a rosy one.',
    when_it_helps: 'After a moment when your mood dropped suddenly, once you are calm enough to write a few lines.',
    steps: [
      'Write what happened, as a camera would have seen it: where, when, who.',
      'Write what you felt, and how strong it was from zero to one hundred.',
      'Write what went through your mind. Circle the thought that stings most.',
      'List the facts that support this thought. Facts only, no guesses.',
      'List the facts that do not fit it. Ask what you would say to someone you love who thought this.',
      'Write a sentence that is fair to both lists, one that you can believe at least halfway.',
      'Rate the feeling again; a drop of ten is a good result. If it does not move, bring the page to someone you trust.'
    ],
    minutes: 20,
    where_usable: ['home', 'work'],
    topics: ['depression', 'anxiety', 'shame', 'rumination'],
    category: 'thinking',
    source:
      'Beck, Rush, Shaw and Emery, Cognitive Therapy of Depression, 1979, Guilford Press; made popular as a workbook page by Greenberger and Padesky, Mind Over Mood, 1995, Guilford Press.'
  },
  {
    key: 'opposite-action',
    title: 'Opposite action',
    summary:
      'Each feeling pushes you toward something: to hide, to attack, to stay in bed. When the push does not serve you, you gently do the opposite.',
    when_it_helps: 'When you understand your feeling, but what it wants you to do would make tomorrow harder.',
    steps: [
      'Name the feeling and what it pushes you to do: “Shame tells me to skip the group.”',
      'Check the facts. If there is real danger or a real wrong, the feeling is a good guide: protect yourself and get help.',
      'If not, ask: will following this push help me, a day from now?',
      'Choose the opposite, in a small size: go and sit at the back, open the curtains, speak more softly.',
      'Do it with your whole body: posture, voice, and eyes as well as your feet.',
      'Stay with it until the feeling shifts a little, then notice what changed and give yourself credit.'
    ],
    minutes: 15,
    where_usable: ['anywhere'],
    topics: ['depression', 'anger', 'shame', 'anxiety', 'loneliness'],
    category: 'thinking',
    source: 'Adapted from Marsha M. Linehan, DBT Skills Training Manual, 2nd ed., 2015, Guilford Press.'
  },
  {
    key: 'one-small-activity',
    title: 'One small planned activity',
    summary:
      'Behavioural activation (behavioral activation): you do not wait to feel like it. You plan one small thing, do it, and let your mood catch up afterward.',
    when_it_helps:
      'When everything feels pointless or heavy, and you have been waiting for motivation that does not come.',
    steps: [
      'Pick one thing that used to matter or feel good, or that would be a relief to have done.',
      'Shrink it until it is almost too easy: not “clean the kitchen” but “wash two cups”.',
      'Decide when and where: “After breakfast, at the sink.” Write it down or tell someone.',
      'Guess how good it will feel, from zero to ten.',
      'At the set time, start, whatever your mood says. You may stop after five minutes.',
      'Afterward, rate how it really felt, and compare. Plan the next small thing while you remember.'
    ],
    minutes: 15,
    where_usable: ['home', 'work', 'outdoors'],
    topics: ['depression', 'low_energy', 'grief', 'loneliness'],
    category: 'planning',
    source:
      'Behavioral activation: Martell, Dimidjian and Herman-Dunn, Behavioral Activation for Depression: A Clinician’s Guide, 2010, Guilford Press.'
  },
  {
    key: 'activity-schedule',
    title: 'A gentle plan for the week',
    summary:
      'You spread a few activities over the week, some for pleasure and some for a sense of having managed something, so that no day is left empty.',
    when_it_helps:
      'When days blur together, when free time is the hardest time, or when you come out of a crisis and need a frame.',
    steps: [
      'Draw seven columns with morning, afternoon, and evening. Fill in what is already fixed.',
      'Mark the hours that tend to be hard for you: Sunday evening, after work, the time of the phone call that no longer comes.',
      'Write one pleasant thing into each hard stretch, and one small task into each day.',
      'Leave empty spaces on purpose. A full page is a plan that breaks.',
      'Follow the plan, not your mood. When something falls through, skip it and go on with the next line.',
      'Each evening, note beside it: P for pleasure and M for managed, from zero to ten.',
      'At the end of the week, look for what helped and move more of it into the hard hours.'
    ],
    minutes: 25,
    where_usable: ['home', 'with_others'],
    topics: ['depression', 'addiction', 'grief', 'low_energy', 'loneliness'],
    category: 'routine',
    source:
      'Activity scheduling with ratings of mastery and pleasure: Beck, Rush, Shaw and Emery, Cognitive Therapy of Depression, 1979, Guilford Press.'
  },
  {
    key: 'pleasant-events-list',
    title: 'Your list of pleasant things',
    summary:
      'You write a personal menu of things that feel good, from one minute to an afternoon, so that you do not have to invent one on a bad day.',
    when_it_helps: 'Make the list on a fair day. Reach for it when nothing comes to mind and everything looks gray.',
    steps: [
      'Write down everything you enjoy or once enjoyed, big or tiny: warm socks, a certain street, peeling an orange.',
      'Ask your group or a friend for ideas, and keep the ones that make you smile a little.',
      'Cross out what is tied to alcohol, drugs, gambling, or anything else you are leaving behind.',
      'Sort the list: one minute, a quarter of an hour, an afternoon. Make sure that most of it costs nothing.',
      'Put it where you will see it: on the fridge, in your wallet, on your phone.',
      'Do one thing from it each day and tick it off. Expect a small lift rather than a big one.'
    ],
    minutes: 20,
    where_usable: ['home', 'public_transport', 'with_others'],
    topics: ['depression', 'low_energy', 'addiction', 'grief'],
    category: 'planning',
    source:
      'Lewinsohn, Muñoz, Youngren and Zeiss, Control Your Depression, 1978, Prentice-Hall; MacPhillamy and Lewinsohn, The Pleasant Events Schedule, Journal of Consulting and Clinical Psychology, 1982.'
  },
  {
    key: 'problem-solving-steps',
    title: 'Problem solving, step by step',
    summary:
      'You take one problem out of the pile, look at it on paper, and find a first step that is small enough to take this week.',
    when_it_helps:
      'When something practical weighs on you, such as a bill, a form, or a conflict, and thinking about it only goes around in circles.',
    steps: [
      'Choose one problem and write it as a question: “How can I pay the rent by the tenth?”',
      'Write what would be good enough. It does not have to be perfect.',
      'Collect at least five ideas, including silly ones. Do not judge any of them yet.',
      'For the two or three best, note what speaks for and against, today and in a month.',
      'Pick one and write the first step: what, when, where, and who could help.',
      'Take the step. Then look back: better, the same, or worse?',
      'If it did not work, that is information. Go back to your ideas and try the next one.'
    ],
    minutes: 30,
    where_usable: ['home', 'work', 'with_others'],
    topics: ['stress', 'overwhelm', 'worry', 'depression'],
    category: 'planning',
    source: 'D’Zurilla and Goldfried, Problem solving and behavior modification, Journal of Abnormal Psychology, 1971.'
  },
  {
    key: 'values-check',
    title: 'Values check',
    summary:
      'A value is a direction, like west, rather than a place you arrive at. You ask what you want to stand for, then take one small step that way.',
    when_it_helps:
      'When you face a choice, when you feel lost or empty, or when you have slipped and want to find your direction again.',
    steps: [
      'Pick one area: family, friendship, work, health, learning, faith, or how you treat yourself.',
      'Imagine that someone you respect watched you for a week. What would you like them to have seen?',
      'Put it into two or three words, such as honest, patient, there for my kids.',
      'Ask from zero to ten how close your last week came to that. No scolding, it is only a compass reading.',
      'Find one act of five minutes or less that points in that direction today.',
      'Do it, and notice that the direction is yours even on a day when the mood is not.'
    ],
    minutes: 15,
    where_usable: ['home', 'outdoors', 'public_transport'],
    topics: ['depression', 'addiction', 'shame', 'grief'],
    category: 'thinking',
    source:
      'Values work in Hayes, Strosahl and Wilson, Acceptance and Commitment Therapy, 1999, Guilford Press; for general readers in Russ Harris, The Happiness Trap, 2007.'
  },
  {
    key: 'safety-plan',
    title: 'My safety plan',
    summary:
      'A page you write on a calmer day for your darkest ones: what to do and whom to call, in order. Best written together with a professional.',
    when_it_helps:
      'If thoughts of suicide or self-harm come to you at times. If you are in danger now, call your local emergency number or a crisis line right away.',
    steps: [
      'Write down your own warning signs: the thoughts, moods, or situations that tell you it is getting dangerous.',
      'List things you can do by yourself that have taken the edge off before.',
      'List people and places that take your mind off it, even if you do not talk about it there.',
      'List the people you can tell the truth to, with their phone numbers. Ask them beforehand.',
      'List professionals, a crisis line, and your local emergency number, with the numbers written out.',
      'With someone you trust, make your surroundings safer: put distance between you and whatever you could hurt yourself with.',
      'Keep it on paper and on your phone, give someone a copy, and go down the list in order. You may jump straight to calling for help.'
    ],
    minutes: 40,
    where_usable: ['home', 'with_others'],
    topics: ['depression', 'overwhelm', 'grief', 'addiction'],
    category: 'planning',
    source:
      'Stanley and Brown, Safety Planning Intervention: A brief intervention to mitigate suicide risk, Cognitive and Behavioral Practice, 2012.'
  },
  {
    key: 'urge-surfing',
    title: 'Urge surfing',
    summary:
      'An urge rises, peaks, and falls like a wave. You neither fight it nor give in; you watch it closely until it rolls out.',
    when_it_helps: 'When a craving is here, you are in a safe place, and you want to let it pass without acting on it.',
    steps: [
      'Step away from what you crave and sit down. Feel your feet and say: “This is an urge, not an order.”',
      'Find where it lives in your body: mouth, chest, belly, hands. Notice its size, warmth, and movement.',
      'Rate it from zero to ten.',
      'Breathe as you normally do and imagine your breath as a surfboard under you, riding up the wave.',
      'Keep describing what changes: stronger here, weaker there. Thoughts may shout; let them pass by.',
      'Rate it again every few minutes until it drops. If it keeps growing, move to where people are and call someone.',
      'This is for cravings. If you feel ill, shaky, or confused after stopping something, get medical help right away.'
    ],
    minutes: 15,
    where_usable: ['anywhere'],
    topics: ['craving', 'addiction', 'anger'],
    category: 'urges',
    source:
      'G. Alan Marlatt and Judith R. Gordon (eds.), Relapse Prevention, 1985, Guilford Press; also Bowen, Chawla and Marlatt, Mindfulness-Based Relapse Prevention for Addictive Behaviors, 2011, Guilford Press.'
  },
  {
    key: 'delay-distract-decide',
    title: 'Delay, distract, decide',
    summary:
      'Three steps that put time between the craving and your hand. You are not deciding forever, only about the next twenty minutes.',
    when_it_helps: 'When a craving hits suddenly and you need something to do rather than something to think about.',
    steps: [
      'Delay: set a timer for twenty minutes and tell yourself that until it rings nothing is decided.',
      'Move: leave the place, the screen, or the company that set it off. Another room is a start.',
      'Distract: do something that takes your hands and your head, such as a shower, a call, a puzzle, a brisk walk, or cooking.',
      'If it fades, let it. If it comes back, switch to the next distraction on your list.',
      'Decide: when the timer rings, read your own reasons for stopping. Keep them in your wallet or on your phone.',
      'Choose again for the next twenty minutes, and tell someone how it went, whichever way it went.'
    ],
    minutes: 20,
    where_usable: ['anywhere'],
    topics: ['craving', 'addiction', 'overwhelm'],
    category: 'urges',
    source:
      'A saying of recovery and health services without a known author; distraction among other ways to cope with urges is described in Kadden et al., Cognitive-Behavioral Coping Skills Therapy Manual, Project MATCH Monograph Series 3, NIAAA, first published 1992.'
  },
  {
    key: 'play-the-tape-through',
    title: 'Playing the tape through',
    summary:
      'A craving shows you only the first minute of the film. You let it run on to the end, to tonight, tomorrow morning, and next week.',
    when_it_helps: 'When your mind says “just once” or remembers only the good part.',
    steps: [
      'Catch the picture the craving shows you: the first sip, the first bet, the first minute of relief.',
      'Now keep the film running. What happens in the first hour, in plain pictures?',
      'Run it on to the end of the night. Where are you, who is there, what have you said, what is gone?',
      'Run it on to tomorrow morning: your body, your phone, the people who count on you.',
      'Now play the other film: you let the craving pass. See the same evening and the same morning.',
      'Choose the film you want to wake up in, and do the first small thing that happens in it.',
      'If the pictures bring shame rather than clarity, stop the film and call someone. Shame is not the point.'
    ],
    minutes: 5,
    where_usable: ['anywhere'],
    topics: ['craving', 'addiction'],
    category: 'urges',
    source:
      'A saying of recovery groups without a known author; recalling the negative consequences is described by Kathleen M. Carroll, A Cognitive-Behavioral Approach: Treating Cocaine Addiction, 1998, National Institute on Drug Abuse.'
  },
  {
    key: 'halt-check',
    title: 'HALT check',
    summary:
      'Four questions before you trust a dark mood or a craving: are you hungry, angry, lonely, or tired? Often a plain need is hiding underneath.',
    when_it_helps:
      'When you feel off without knowing why, when a craving comes out of nowhere, or before any big decision late in the day.',
    steps: [
      'Stop for a minute and put a hand on your belly or your chest.',
      'Hungry: when did you last eat and drink? If it has been a while, have something simple now.',
      'Angry: has something hurt or annoyed you? Say it to someone safe or write down one honest line.',
      'Lonely: when did you last have a real word with someone? Send one message or go where people are.',
      'Tired: how did you sleep? Rest for a bit, or make the evening smaller and go to bed in good time.',
      'Take care of the loudest letter first. Look at the craving or the decision again afterward.'
    ],
    minutes: 3,
    where_usable: ['anywhere'],
    topics: ['craving', 'addiction', 'anger', 'loneliness', 'low_energy'],
    category: 'urges',
    source:
      'A saying of recovery groups, passed on by word of mouth, without a known author; food, anger, loneliness, and rest each have a chapter in Living Sober, 1975, Alcoholics Anonymous World Services.'
  },
  {
    key: 'call-before-acting',
    title: 'Call someone before you act',
    summary:
      'You make one promise: talk to a person first, then decide. Saying an urge out loud often takes away half of its power.',
    when_it_helps: 'When you are about to drink, use, gamble, hurt yourself, or do something you cannot take back.',
    steps: [
      'Today, while it is quiet, ask three people whether you may call them in a hard moment. Save them at the top of your contacts.',
      'Agree on a short sentence, such as “I need ten minutes”, so that you do not have to explain first.',
      'When the moment comes, call the first one. Call even if you feel ashamed, and above all then.',
      'If nobody answers, leave a message and call the next. After the third, call a helpline or go where people are.',
      'Say what is going on in one sentence. You do not need advice, you need company until it eases.',
      'Before you hang up, agree on what you will do in the next hour and when you will talk again.',
      'If you might harm yourself or someone else, call your local emergency number first.'
    ],
    minutes: 10,
    where_usable: ['anywhere'],
    topics: ['craving', 'addiction', 'overwhelm', 'loneliness', 'depression'],
    category: 'connection',
    source:
      'A custom of mutual-help groups; described for example in Living Sober, 1975, Alcoholics Anonymous World Services, under “telephone therapy”.'
  },
  {
    key: 'asking-clearly',
    title: 'Asking clearly',
    summary:
      'A plan for asking for what you need without attacking and without shrinking. You prepare four sentences, then hold on to them kindly.',
    when_it_helps:
      'When you need help, time off, an apology, or a no to be respected, and you fear that you will explode or give up halfway.',
    steps: [
      'Decide on the one thing you want from this conversation. One only.',
      'Write what happened, as plain fact: “This week I took the night shift with her four times.”',
      'Write how it is for you, starting with “I”: “I am exhausted and I am getting short with everyone.”',
      'Write what you ask for, so concrete that it can be answered yes or no: “Could you take Tuesday and Thursday?”',
      'Add what is good about it for both of you. Say the four sentences out loud once.',
      'When you talk, stay on your one thing. If the talk slides away, say your request again, calmly.',
      'Know beforehand what you can offer in return, and what you will do if the answer is no.'
    ],
    minutes: 20,
    where_usable: ['home', 'work', 'with_others'],
    topics: ['stress', 'anger', 'loneliness', 'overwhelm'],
    category: 'connection',
    source:
      'Adapted from the interpersonal effectiveness skills in Marsha M. Linehan, DBT Skills Training Manual, 2nd ed., 2015, Guilford Press.'
  },
  {
    key: 'daily-reach-out',
    title: 'Reaching out every day',
    summary:
      'One small sign of life to one person, every day, good day or bad. It keeps the path between you and others from growing over.',
    when_it_helps:
      'When you have been withdrawing, when evenings are lonely, or when you do not want to be in touch only in a crisis.',
    steps: [
      'Write down seven people, one for each day. A neighbor, a cousin, someone from your group: they need not be close.',
      'Choose a fixed moment, for example right after lunch.',
      'Send something small: a photo of the sky, “I thought of you”, or one question about their day.',
      'Keep it easy to answer, and do not measure yourself by the reply.',
      'Once a week, make it a voice: a call, a coffee, or a few words at the door.',
      'If someone never answers, put in another name. If the list is short, your group is a place to make it longer.'
    ],
    minutes: 5,
    where_usable: ['anywhere'],
    topics: ['loneliness', 'depression', 'grief', 'addiction'],
    category: 'connection',
    source:
      'Everyday wisdom without an author; staying in touch with others is recommended for example by the U.S. Surgeon General, Our Epidemic of Loneliness and Isolation, 2023, U.S. Department of Health and Human Services.'
  },
  {
    key: 'self-compassion-break',
    title: 'Self-compassion break',
    summary:
      'Three short moves in a hard moment: admit that it hurts, remember that others know this too, and be on your own side.',
    when_it_helps: 'When you have made a mistake, when you scold yourself, or when shame tells you to hide.',
    steps: [
      'Stop and admit it in your own words: “This is hard”, “This really hurts.”',
      'Remember that you are not the only one: “Somewhere others are sitting with this very feeling.”',
      'Put a hand where it feels kind, such as your chest, your cheek, or your other arm. Feel the warmth.',
      'Ask what you would say to a friend in your place, and in what tone.',
      'Say that sentence to yourself in the same tone, silently or in a whisper.',
      'If kindness feels strange or makes you sad, make it smaller: “I am allowed to breathe for a moment.” That is enough.'
    ],
    minutes: 5,
    where_usable: ['anywhere'],
    topics: ['shame', 'depression', 'grief', 'stress', 'addiction'],
    category: 'self_compassion',
    source:
      'Kristin Neff, Self-Compassion, 2011, William Morrow; also Neff and Germer, The Mindful Self-Compassion Workbook, 2018, Guilford Press.'
  },
  {
    key: 'loving-kindness',
    title: 'Loving-kindness',
    summary:
      'You repeat a few good wishes, first for someone easy to love, then for yourself, then for others. You plant wishes; feelings may come later or not at all.',
    when_it_helps: 'When you feel cut off from people, hard on yourself, or worn out by resentment.',
    steps: [
      'Sit comfortably and think of someone, or an animal, that it is easy to wish well.',
      'Wish them slowly: “May you be safe, may you have some peace, may your day be gentle.” Use your own words if you prefer.',
      'Now picture yourself beside them and say the same wishes for yourself: “May I be safe …”',
      'Next, someone you hardly know, like a cashier or a person on the bus.',
      'Then everyone in your group, and people everywhere who struggle with the same thing today.',
      'Leave out people who have hurt you badly. Nobody is asking you to forgive.',
      'End with one wish for yourself for the coming hour.'
    ],
    minutes: 10,
    where_usable: ['home', 'outdoors', 'public_transport', 'in_bed'],
    topics: ['loneliness', 'shame', 'anger', 'depression'],
    category: 'self_compassion',
    source:
      'A traditional Buddhist meditation (metta); described for example by Sharon Salzberg, Lovingkindness: The Revolutionary Art of Happiness, 1995, Shambhala Publications.'
  },
  {
    key: 'three-good-things',
    title: 'Three good things',
    summary:
      'In the evening you write down three things that went well, however small, and your own guess at why they happened.',
    when_it_helps:
      'At the end of the day, when your mind collects only what went wrong. It is not meant for talking yourself out of real pain.',
    steps: [
      'Put paper and a pen where you spend the last quiet minutes of the day.',
      'Think back through the day and pick three things that went well or were not bad: hot tea, a kind word, getting up.',
      'Write each one down with a detail: who was there, what it looked like, what was said.',
      'Add why it happened, especially where you had a part in it: “because I asked”, “because I went outside”.',
      'On a dark day, one thing is enough, and “the day is over” counts.',
      'Do it every evening for a week, then read all of it in one go.'
    ],
    minutes: 10,
    where_usable: ['home', 'in_bed'],
    topics: ['depression', 'stress', 'rumination', 'low_energy'],
    category: 'routine',
    source:
      'Seligman, Steen, Park and Peterson, Positive psychology progress: Empirical validation of interventions, American Psychologist, 2005.'
  },
  {
    key: 'expressive-writing',
    title: 'Writing it out',
    summary:
      'You write for a quarter of an hour about something that weighs on you, for your eyes only, without caring about spelling or style.',
    when_it_helps:
      'When something from these weeks keeps going around inside and you have no words for it yet. Leave your worst memories for work with a professional.',
    steps: [
      'Find a quiet place and a time when you need nothing from yourself for half an hour afterward.',
      'Choose something that weighs on you but that you can look at today. If it feels like falling into a hole, choose something smaller.',
      'Set a timer for fifteen minutes and write about what happened and how you feel about it. Keep the pen moving.',
      'If you run out of words, repeat the last sentence until the next one comes.',
      'Stop whenever it becomes too much. Stopping is allowed at any time; then look around the room and call someone if you need to.',
      'When the timer rings, put the pages away or tear them up. Nobody has to read them.',
      'Do something gentle afterward, since you may feel heavy for an hour or so. Repeat on two or three other days if it does you good.'
    ],
    minutes: 20,
    where_usable: ['home', 'outdoors'],
    topics: ['stress', 'grief', 'rumination', 'anger'],
    category: 'creativity',
    source:
      'A gentler form of expressive writing, from Pennebaker and Beall, Confronting a traumatic event: Toward an understanding of inhibition and disease, Journal of Abnormal Psychology, 1986.'
  },
  {
    key: 'hands-busy',
    title: 'Hands busy',
    summary:
      'Knitting, carving, kneading dough, sorting screws: a simple task for your hands gives a restless mind somewhere to rest.',
    when_it_helps:
      'When you are restless, when a craving itches in your fingers, or in long evenings when thoughts grow loud.',
    steps: [
      'Choose something easy with a rhythm: knitting, drawing patterns, kneading, polishing, a jigsaw puzzle, repairing something.',
      'Get everything ready in a bag or a box, so that on a bad day you only need to open it.',
      'Start small: one row, one square, one page.',
      'Follow what your fingers feel: rough, smooth, warm, cool. When thoughts pull you away, come back to your fingertips.',
      'Let mistakes be. You are not making a present, you are making a quiet half hour.',
      'Look at what you made, then put it away so that the next step is easy to find.'
    ],
    minutes: 30,
    where_usable: ['home', 'public_transport', 'with_others'],
    topics: ['craving', 'anxiety', 'loneliness', 'rumination', 'grief'],
    category: 'creativity',
    source:
      'A traditional remedy without an author; knitting was studied by Riley, Corkhill and Morris, The benefits of knitting for personal and social wellbeing in adulthood, British Journal of Occupational Therapy, 2013.'
  },
  {
    key: 'mood-playlist',
    title: 'A playlist that walks with you',
    summary:
      'You build a short playlist that begins where you are and ends where you would like to be, song by song, without a jump.',
    when_it_helps:
      'When words do not reach you, on the way home after a hard day, or when a mood sticks and you want to move it gently.',
    steps: [
      'On a calm day, name two moods: the one you often get stuck in and the one you would like to reach.',
      'Find two songs that match the first mood. You should feel understood, not pulled down further.',
      'Find two or three songs that lie in between, each a little lighter, slower, or stronger than the last.',
      'End with two songs that feel like the place you want to be.',
      'Leave out songs tied to using, to a crisis, or to a loss that is still too raw.',
      'When you need it, listen from the beginning to the end and do nothing else, or walk to it.',
      'Afterward, swap out any song that did not carry you.'
    ],
    minutes: 25,
    where_usable: ['anywhere'],
    topics: ['depression', 'anger', 'low_energy', 'loneliness', 'stress'],
    category: 'creativity',
    source:
      'Starting from the mood you are in is the “iso” principle of Ira M. Altshuler, A psychiatrist’s experience with music as a therapeutic agent, in Schullian and Schoen (eds.), Music and Medicine, 1948, Henry Schuman.'
  },
  {
    key: 'walk-outdoors',
    title: 'A walk outdoors',
    summary:
      'You go outside and walk at your own pace, with your attention on what is around you rather than on what is inside you.',
    when_it_helps: 'When you brood indoors, when you are restless or sluggish, or when a room has become too small.',
    steps: [
      'Put on shoes and a jacket before you ask yourself whether you feel like it.',
      'Choose a short loop, with trees, water, or sky if you can, and away from places that tempt you.',
      'For the first minutes, just feel your feet: heel, sole, toes.',
      'Then look far ahead: find the farthest thing you can see, and three shades of one color.',
      'When brooding starts again, name the next thing you pass: gate, bicycle, sparrow.',
      'Go at a pace that suits your body. If walking is hard, roll, or sit on a bench or at an open window and do the same with your eyes.',
      'Before you go back in, take one last long look and notice whether anything has shifted.'
    ],
    minutes: 20,
    where_usable: ['outdoors', 'with_others'],
    topics: ['rumination', 'depression', 'stress', 'low_energy', 'craving'],
    category: 'movement',
    source:
      'An old remedy without an author; studied by Bratman et al., Nature experience reduces rumination and subgenual prefrontal cortex activation, Proceedings of the National Academy of Sciences, 2015.'
  },
  {
    key: 'bed-is-for-sleep',
    title: 'Teach your bed to mean sleep',
    summary:
      'If you often lie awake, your bed starts to mean worry. These habits help it to mean sleep again, which takes some weeks.',
    when_it_helps:
      'When you lie awake for long stretches night after night. Ask a professional first if you live with bipolar disorder, seizures, or a risk of falling.',
    steps: [
      'Go to bed only when you are sleepy, with heavy eyes, not merely worn out.',
      'Keep work, screens, and worries out of bed.',
      'If you are still awake after what feels like twenty minutes, get up. Do not watch the clock.',
      'Do something quiet in dim light: a dull book, folding laundry. Prepare a warm spot for it in advance.',
      'Go back to bed when you are sleepy again. Repeat as often as needed, without scolding yourself.',
      'Get up at the same time each morning, also after a bad night.',
      'Nap little or not at all, unless you need it to be safe, for instance before driving.'
    ],
    minutes: 20,
    where_usable: ['home', 'in_bed'],
    topics: ['sleep', 'worry', 'stress'],
    category: 'sleep',
    source:
      'Richard R. Bootzin, Stimulus control treatment for insomnia, Proceedings of the 80th Annual Convention of the American Psychological Association, 1972.'
  },
  {
    key: 'sleep-wind-down',
    title: 'Winding down for the night',
    summary:
      'The last hour of the day becomes a ramp instead of a cliff: the same few quiet steps each evening, in the same order.',
    when_it_helps: 'When you fall into bed wide awake, work or scroll until the last minute, or dread the night.',
    steps: [
      'Set an alarm for one hour before bedtime. It rings for the end of the day, not for sleep.',
      'Close the day on paper: what is done, what waits for tomorrow, and one first step.',
      'Dim the lights and put your phone to charge in another room, or out of arm’s reach.',
      'Do small bathroom things slowly: warm water, teeth, nightclothes.',
      'Do one calm thing you like: read, stretch, listen to something quiet. Pick something that will not get exciting.',
      'In bed, let your shoulders sink and follow ten slow out-breaths. You only need to rest; sleep comes by itself.'
    ],
    minutes: 60,
    where_usable: ['home'],
    topics: ['sleep', 'stress', 'worry', 'anxiety'],
    category: 'sleep',
    source:
      'Common sleep advice without a single author; a wind-down before bed is described for example by Colin A. Espie, Overcoming Insomnia and Sleep Problems, 2006, Robinson.'
  },
  {
    key: 'letter-to-the-person-who-died',
    title: 'A letter to the person who died',
    summary:
      'You write to the one you miss. The bond does not have to end; it can change its shape, and a letter is one place where it can live.',
    when_it_helps:
      'On birthdays and anniversaries, when something happens that you would have told them, or when something was left unsaid.',
    steps: [
      'Choose a time when you are not rushed, and tell someone that you might call afterward.',
      'Put something of theirs or a picture beside you, if that is comforting today.',
      'Begin with their name, the way you used to say it.',
      'Tell them something from your days: what happened, what you miss, what would have made them laugh.',
      'Say what you still want to say, such as thank you, I am sorry, I am angry, I love you. All of it may stand side by side.',
      'Write what you carry on from them: a habit, a recipe, a sentence, a way of looking.',
      'Close as you like and keep the letter in a good place, or read it at a place that was theirs. If it gets too much, stop and seek company.'
    ],
    minutes: 30,
    where_usable: ['home', 'outdoors'],
    topics: ['grief', 'loneliness'],
    category: 'creativity',
    source:
      'Klass, Silverman and Nickman (eds.), Continuing Bonds: New Understandings of Grief, 1996, Taylor & Francis; letters are described in Neimeyer (ed.), Techniques of Grief Therapy, 2012, Routledge.'
  },
  {
    key: 'break-from-grief',
    title: 'A break from grief',
    summary:
      'Mourning swings between turning toward the loss and turning toward daily life. Both belong to it, and you are allowed to rest from grieving.',
    when_it_helps:
      'When grief leaves you no air, or when you feel guilty because you laughed, slept well, or forgot for an hour.',
    steps: [
      'Ask yourself which way you have been leaning lately: toward the loss, or toward keeping busy.',
      'If it was mostly the loss, choose one hour off: a film, a task, a visit, anything with a beginning and an end.',
      'Say to yourself: “I am putting it down for now. It will still be mine when I come back.”',
      'If it was mostly keeping busy, choose a small place for the loss instead: a candle, a photo, a song, ten minutes.',
      'When guilt comes, answer it: a break takes nothing away from love.',
      'When the hour is over, notice what you need now, and let the swing carry you back at its own speed.'
    ],
    minutes: 60,
    where_usable: ['anywhere'],
    topics: ['grief', 'overwhelm', 'loneliness', 'low_energy'],
    category: 'routine',
    source:
      'Stroebe and Schut, The dual process model of coping with bereavement: Rationale and description, Death Studies, 1999.'
  }
]
