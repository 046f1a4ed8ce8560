# ruff: noqa: SIM905 - a list of words reads as words, not as quotes and commas
"""Words that help redaction tell "Mary Johnson" from "Crohn Disease": given names, and capital words that are none."""

from __future__ import annotations

GIVEN_NAMES = frozenset(
    """
    aaliyah aaron abby abigail adam adrian adriana ahmed aiden aisha alan albert alberto alejandra alejandro alex
    alexander alexandra alexis alfonso alfred alfredo ali alice alicia allison alvaro amanda amara amber amelia amy
    ana andrea andres andrew angel angela angelica anil anita ann anna anne annie anthony antonio arthur arturo
    ashley austin barbara beatriz becky belen benjamin bernard beth betty beverly bill billy blanca bob bobby
    brandon brenda brian bruce bryan caleb cameron camila carl carla carlos carmen carol carolina caroline carolyn
    catherine cecilia charles charlie charlotte chen cheryl chloe chris christian christina christine christopher
    cindy claire clara claudia concepcion connor craig cristina cynthia daisy dan daniel daniela danielle david dawn
    deborah deepak denise dennis derek diana diane diego dmitri dolores dominic donald donna doris dorothy douglas
    dylan eduardo edward eileen elaine eleanor elena eli elijah elizabeth ella ellen emilio emily emma enrique eric
    erica erik erin ernesto esteban esther ethan eva evan evelyn fatima felipe fernando fiona frances francisca
    francisco frank fred gabriel gabriela gabriella gary george gerald gerardo giovanni gloria gonzalo grace
    graciela greg gregory guadalupe guillermo gustavo hannah hans harold harry heather hector helen henry hiroshi
    hugo ian ignacio ines ingrid irene iris isaac isabel isabella ivan jack jackie jackson jacob jaime jake jamal
    james jamie jan jane janet janice jasmine jason javier jean jeff jeffrey jennifer jenny jeremy jerry jesse
    jessica jesus jill jim jimmy joan joanna joaquin joe joel john johnny jonathan jordan jorge jose joseph joshua
    joyce juan juana juanita judith judy julia julian juliana julie julio justin karen karina karl kate katherine
    kathleen kathryn kathy katie kayla keisha keith kelly ken kenneth kevin kim kimberly klaus kwame kyle larry lars
    latisha laura lauren lawrence leah lee leo leon leonard leonardo leslie leticia li liam lidia lillian lily linda
    lisa logan lorena lorenzo louis louise lourdes lucas lucia lucy luis luisa luke luz lynn madison manuel manuela
    marco marcos margaret margarita maria mariana marie mario marisol mark marta martha martin martina mary mateo
    matt matthew maureen mauricio megan melanie melissa mercedes mia michael michele michelle miguel mike ming
    mohamed mohammed monica montserrat nancy naomi natalia natalie natasha nathan ngozi nicholas nick nicolas nicole
    nina noah noelia nora norma olga oliver olivia olu omar oscar pablo paloma pamela pat patricia patricio patrick
    paul paula pedro peggy peter philip phillip phyllis pilar priya rachel rafael raj ralph ramon randy raquel raul
    ravi raymond rebecca renee ricardo richard rick rita robert roberto robin rocio rodrigo roger roland ronald rosa
    rosario rose rosemary ross roy ruben ruby russell ruth ryan sally salvador sam samantha samuel sandra sanjay
    sara sarah scott sean sebastian sergei sergio shanice shannon sharon shawn sheila shirley silvia simon sofia
    sonia sophia sophie stanley stella stephanie stephen steve steven sue susan susana sven sylvia tamara tammy
    tanya tara ted teresa terry theresa thomas tiffany tim timothy tina todd tom tomas tommy tony tracy travis tyler
    tyrone valentina valeria vanessa veronica vicente victor victoria vincent violeta virginia vivian walter wanda
    wayne wei wendy william xavier ximena yolanda yuki yvonne zachary zoe
    """.split()
)
"""Common given names of people who write English or Spanish."""

NOT_NAMES = frozenset(
    """
    a about abril acetaminophen addison addisons advil african after agosto aids al aleve allergic alzheimer
    alzheimers alérgica alérgico ambien america american amlodipine amoxicillin an and angeles anyone apr april are
    as asian asking asma aspirin association asthma at ativan atorvastatin aug august avenue azithromycin baby back
    barre barrett barretts before bell bells benadryl black blood boston boy bp brain british brother buddhist
    buenas buenos but by california calling can can't canadian cancer care category catholic caucasian cdc center
    centre chest chicago chinese christian cialis city claritin class clinic coenzyme college community company con
    corporation could coumadin county covid crestor crohn crohns ct cushing cushings cáncer dad daughter de dear dec
    december del department diabetes diabetic diabética diabético diagnosed diciembre did disease disorder do doctor
    doctora does don't down downs dr drive during east ecg ekg el eliquis embarazada en enbrel enero enfermedad
    english er es european everyone experiencing factor father fda feb febrero february feeling female fever fine
    florida flu for foundation france francisco french friday from fw general german girl god going gracias grade
    graves group guillain had has hashimoto hashimotos have having he he's head health healthcare heart hello
    hepatitis her here hermana hermano hey hi hija hijo hindu hipertensión his hispanic hiv hodgkin hodgkin's
    hodgkins hola hombre hospital houston how humira huntington huntingtons husband hypertension i i'd i'll i'm i've
    ibuprofen icu if im in inc indian influenza institute insulin is it it's jan january japanese jewish jul julio
    july jun june junio just kawasaki kidney kingdom klinefelter la lab laboratory lane las latina latino level
    lexapro lipitor lisinopril liver llc london looking los losartan lunes lung lyme madre madrid male man mar march
    marfan martes marzo may mayo mayor med medicaid medical medicare memorial meniere menor message metformin
    metoprolol mexican mexico mi miss mom monday mother motrin mount mr mri mrs ms mt mujer mum muslim my national
    native new nexium nhs nih no none noonan north not nothing nov november noviembre nurse o oct october octubre of
    office ok okay omeprazole on or ozempic paciente padre pain para paracetamol parkinson parkinsons part patient
    penicillin per pharmacy phase plan plavix please por prednisone pregnant pressure prof protein prozac que
    question raynaud raynauds re ready regional road saint san saturday scan schedule school se section sep sept
    september septiembre señor señora she she's should si sick simvastatin since sindrome sister sjogren sjogrens so
    society someone son sorry south spain spanish st stage state states stomach street stroke su subject suffering
    sunday sure syndrome synthroid síndrome taking test texas thank thanks that that's the their there these they
    this those thursday tired to today tomorrow tourette tourettes treated trying tuesday tumor tylenol type un una
    unable unit united university urgencias valium very viagra vitamin ward warfarin was we wednesday west what
    what's when where which white who why wife will with woman wondering worried would writing x-ray xanax xarelto y
    yes yesterday york you zoloft zyrtec
    """.split()
)
"""Words that end a name, or are none: function words, months, medicine, diseases, places."""

SURNAMES_TOO = frozenset(
    """
    august bell black brown down english french general graves green may mount turner white young
    """.split()
)
"""Ordinary words that are surnames when a given name stands before them."""

ALSO_WORDS = frozenset(
    """
    amber angel april art august austin autumn belen bill carol carolina charlotte concepcion crystal daisy dan dawn
    dolores dominic drew faith fatima florence frank gary gene georgia grace guadalupe harry heather holly hope hugo
    iris ivan ivy jack jade jean jesus jordan joy june kelly leo li lily lincoln logan lourdes luz lynn madison
    marina mark may melody mercedes nick olivia paris pat pilar ray rick rob robin rocio rosario rose ruby santiago
    scott sofia stella sue summer valencia victoria violet virginia will
    """.split()
)
"""Given names that are also ordinary words or places; alone they are not taken for a name."""
