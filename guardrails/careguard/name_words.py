# ruff: noqa: SIM905 - a list of words reads as words, not as quotes and commas
"""Words that help redaction tell "Mary Johnson" from "Crohn Disease": names, and words that are none.

The names come with Faker, which guardrails-ai brings along; nothing of it is called, its lists are read.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

_LOCALES = (
    "cs_CZ", "da_DK", "de_AT", "de_DE", "en_GB", "en_IE", "en_IN", "en_NZ", "en_US", "es_AR", "es_CA", "es_CL",
    "es_CO", "es_ES", "es_MX", "et_EE", "fi_FI", "fr_CH", "fr_FR", "hr_HR", "hu_HU", "is_IS", "it_IT", "nl_BE",
    "nl_NL", "no_NO", "pl_PL", "pt_BR", "pt_PT", "ro_RO", "sk_SK", "sl_SI", "sv_SE", "tr_TR", "vi_VN",
)  # fmt: skip
"""Countries whose names are written in Latin letters."""
_SHORTEST = 3


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Given names and family names, in small letters."""

    given: frozenset[str]
    family: frozenset[str]


@cache
def known_names() -> KnownNames:
    """Return the names of all countries read; the first call takes a tenth of a second."""
    given: set[str] = set(COMMON_GIVEN_NAMES)
    family: set[str] = set()
    for locale in _LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            if attribute.startswith("first_name"):
                given.update(_words(getattr(provider, attribute)))
            elif attribute.startswith("last_name"):
                family.update(_words(getattr(provider, attribute)))
    return KnownNames(frozenset(given - NOT_NAMES), frozenset(family - NOT_NAMES))


def _words(listed: object) -> Iterable[str]:
    """Return the single words of one of Faker's lists; nothing for its methods."""
    if isinstance(listed, dict | tuple | list):
        for name in listed:
            if isinstance(name, str):
                yield from (word.lower() for word in re.split(r"[\s-]", name) if len(word) >= _SHORTEST)


COMMON_GIVEN_NAMES = frozenset(
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
"""Common given names of people who write English or Spanish, also those that Faker does not have."""

NOT_NAMES = frozenset(
    """
    a about abril abscess abuela abuelo according account acetaminophen achilles acid action action's actualmente
    acute add addisons address además adolescence adult adults advair adventure advil afghanistan africa african
    after again agent agosto agree ahora aids al alabama alaska albania album alemania aleve alexa alfa algo alguien
    all allah allegra allergic already also although always alzheimers alérgica alérgico am amazon ambien america
    american amlodipine among amoxicillin amoxil américa an and anemia angeles animation another antes antibiotic
    any anyone apnea appear apple appointment approach appropriate apr april are argentina arizona arkansas
    arthritis as asia asian ask asked asking asks asma aspergers aspirin aspirina assessment association asthma at
    ativan atlanta atorvastatin attn aug augmentin august aunque aunt australia australian austria autism avenue
    ayer ayuda ayude azithromycin babies baby back balance band bangladesh bank barcelona barretts bay bcc be beach
    because bedside been before begin behavioral behavioural behcets beijing being belgium believe bells benadryl
    bendiga benefits berlin best between bible bilbao billing birmingham birth bladder blood blue body bogota bogotá
    bolivia bone boniva book boss boston bot both botox bowel boy bp brain brasil brazil brazilian break breast
    bring britain british bronchitis bros brother buddha buddhist buenas buenos build bulgaria bupropion buscapina
    but buy by cada calcium california calling calpol came can can't canada canadian cancer cancún cardiology care
    carry catch category catholic caucasian cc cdc celebrex celiac cell center central centre centro cesarean change
    channel chatgpt chest chicago child children chile china chinese chlamydia cholesterol choose christ christians
    christmas chronic cialis citalopram city claritin class cleveland client clinic clinics clonazepam clostridium
    coast code coenzyme cognitive college colombia colorado come comedy comes community company compare con concerta
    connecticut consider continue coronavirus corp corporation could coumadin county cousin cover covid covid-19
    create creo crestor croatia crohns cross ct cuando cuba current cushings customer cut cuál cuáles cuándo
    cymbalta cystic czech cáncer cómo dad dallas danish dare date daughter day days de dear dec december decide del
    delaware delhi dementia denmark denver department depression dermatology describe desde desk despite después
    detroit develop diabetes diabetic diabética diabético diagnosed diciembre did die diflucan dios diovan discuss
    disease disorder district do doc docs doctor doctora does doing dolex dominican don't done doppler dosage dosing
    downs dr drama draw drive dublin dupixent during dutch dx días dónde each early east easter eastern eat ecg
    ecuador eczema ed edinburgh effective effects effexor egypt ekg el elderly eliquis ellas ellos email embarazada
    en enantyum enbrel endometriosis enero enfermedad enfermera enfermero england ent entonces epipen er eres es
    españa estaba estados estar estoy estradiol está europa europe european eval evaluation even every everyone
    experiencing explain facebook factor fall family farxiga father favor fax fda feb febrero february feel feeling
    feels felt female fever few fiction find finds fine finland finnish flomax flonase florida flu foley folks
    follow followup for fosamax found foundation france francia friday friend from fue fw gabapentin gardasil gave
    gaviscon gene general gerd german germany get gets ghana ghb girl give gives glasgow glaucoma glucophage gmbh go
    god goes going google got gout gp gracias grade granada grandfather grandmother great greece greek greenland
    group grow guadalajara guatemala guidelines guys h1n1 había hace hacer had haiti halloween hampshire hanukkah
    happen has hashimotos hasta have having hawaii hay he he's head health healthcare hear heart hello help
    hepatitis her here hermana hermano hernia herpes hers hey hi hija hijo him hindu hipertensión his hispanic hit
    hiv hodgkin's hodgkins hola hombre home honduras hope hospital houston how however hoy hpv humalog humira
    hungarian hungary husband hx hydrocodone hydrocortisone hypertension i i'd i'll i'm i've ibs ibuprofen
    ibuprofeno iceland icu idaho if iga illinois im imodium in inc include india indian indiana indonesia infant
    infants influenza info information inglaterra initial instagram institute insulin iowa iran iraq ireland irish
    is island islands israel it it's italia italian italy its jamaica jan january januvia japan japanese japón
    jardiance jersey jesus jewish jews johns jul july jun june junio just kaiser kansas kaopectate keep kentucky
    kenya kidney kids kill king kingdom klonopin knew know knows koran korea korean la lab laboratory lake lamictal
    lane lantus las lasix later latest latin latina latino lead learn least leave lent les less let leukemia level
    levothyroxine lexapro like lima lipitor liquid lisbon lisinopril list listeria live liver liverpool llc lleva
    llevo lo london looking lord los losartan losartán lose lou louisiana lower ltd lunes lung lupus lyme lymphoma
    lyrica madam made madre madrid magazine maine make makes malaysia male mallory man management manager manchester
    many mar march martes maryland marzo massachusetts may maybe mayo mayor mañana mctd me med medicaid medical
    medicare meet melanoma melatonin melbourne memorial men menopause menor message metamizol metformin metformina
    methotrexate metoprolol mexican mexico mgmt mgt mi miami michigan microsoft might migraine mild mine minister
    ministerio minnesota miralax mirena miss mississippi missouri mobile moderate moderna mom monday mononucleosis
    montana monterrey montreal more morocco most mother motrin mounjaro mount move mr mri mrs ms mt much muchas
    mucho mucinex mujer multiple mum mumbai muscle musical muslim muslims must my myself mystery málaga médica
    médico méxico nada nadie naloxone name names naproxen narcan national native nausea navidad nebraska necesito
    need needs neighbor neighbour nepal netflix netherlands neurofen neurologist neurontin nevada never new newborns
    newly news nexium nexplanon nhs nicaragua nicorette nigeria nih no noches nolotil none nor norco norovirus north
    northern norway norwegian nos nosotros not nothing nov november noviembre novolog now nuestra nuestro number
    nunca nurofen nurse nutrasweet nuvaring nyquil o ob obgyn obstetrics oct october octubre of offer office often
    ohio ok okay oklahoma old omeprazol omeprazole on once oncology only open openai optimal options or orchestra
    oregon organización oriental orlando osteoporosis other others otra otro ottawa our ours own oxycontin ozempic
    paciente padece padezco padre pain pakistan panadol panama pap para paracetamol paraguay parent parents paris
    parkinsons part pascua pass patient patient's patients pay pedialyte pediatric penicillin penis pennsylvania
    people pepcid pepto peptobismol per percocet perhaps permanente personal peru perú pfizer pharmacy phase
    phenergan philippines phoenix phone pili plan plavix play plc please pneumonia poland polish polycystic por
    porque portland portugal portuguese post postal pre prednisone pregnant premarin president presidente press
    pressure prevacid prilosec prime produce prof prostate protein province prozac psoriasis pt puebla puede puedo
    puerto pulmonary purple que queen question quiero quisiera quién quran qué radio raise ramadan raynauds re reach
    read ready rec receive recent recently recientemente recommend recommendations record records recs reddit
    regional reino remember representative republic return rheumatoid rhode rico rinvoq risk risks risperdal ritalin
    river rivotril road robitussin romania rome rsv rubella run russia russian rx rybelsus sabe saber safe said
    saint salmonella salud saludo saludos same san santiago saturday saw saxenda say says scan schedule
    schizophrenia school sciatica science scotland scottish se seattle section see seem sees sell senator send sent
    sep sept september septiembre ser serbia seroquel sertralina serve set severe sevilla señor señora señorita
    shall shanghai she she's shingles should show si sick side siempre simvastatin since sindrome sinemet singapore
    singulair sinus sir siri sirs sister sit sjogrens skin skyrizi sleep so society some someone sometimes somos son
    sons soon sorry south southern soy spain spanish speak spend spiriva sprue st stage stand state states stay
    stelara steroid steroids stomach stop strattera street stroke studio su subject suboxone such sudafed suero
    suffering sufre sufro summarize sunday support sure sus suspense sweden swedish swiss switzerland sydney
    symbicort synagis syndrome synthroid syria sé síndrome take takes taking tambien también tamiflu tardes tdap
    teach team tegretol tel telegram telephone tell tells tempra tener tengo tennessee tenía test texas thailand
    than thank thanks thanksgiving that that's the their them then there these they think thinks this those though
    thought thursday thyroid tia tiene tijuana tiktok times tired to toda todas today todo todos tokyo told tomorrow
    too took tooth topamax toprol toronto tourettes town tramadol treated treatment tried tries trulicity try trying
    tuesday tumor tums tunisia turkey turkish twitter tx tylenol type tía tío uber ukraine ulcerative un una unable
    uncle understand unido unidos unit united universidad university unless unlike until upper urgencias urology
    uruguay us use used user users uses usted ustedes usually utah uti valencia valium valley valtrex vancouver
    variation vaseline venezuela ventolin ventolín vermont very viagra vicks vicodin victoza vienna vietnam village
    vitamin voltaren voltarén von vyvanse walk ward warfarin was washington watch we website wednesday wegovy
    wellbutrin went were west western what what's whatsapp when where whether which while who whom whose why wife
    wikipedia will wilsons win wisconsin with within without woman women wondering work worried would write writing
    wyoming x-ray xanax xarelto xeljanz xyzal y yasmin yaz yes yesterday yet york you yours yourself youtube zantac
    zepbound zika zip zithromax zocor zofran zoloft zoom zyban zyprexa zyrtec áfrica él últimamente
    """.split()
)
"""Words that end a name, or are none: function words, months, medicine, diseases, places."""

EPONYMS = frozenset(
    """
    addison aicardi alpers alport alzheimer angelman apgar asperger babinski baker barr barre barrett bartholin
    batten behcet bell binswanger bowen braxton brugada budd buerger burkitt caroli chagas charcot chiari cockayne
    cooley coombs creutzfeldt crigler crohn cushing danlos dejerine down dravet dubin duchenne dupuytren edwards
    ehlers ellison epstein eustachian ewing fabry fahr fallot fanconi fournier friedreich gastaut gaucher gehrig
    gilbert gorlin graves guillain hansen hartnup hashimoto heimlich hicks hippel hirschsprung hodgkin huntington
    huntingtons hurler ishihara jakob jeghers kaposi kawasaki kegel kleffner klinefelter korsakoff krabbe leber
    lennox lewy lindau lynch mantoux marfan meckel meniere menkes merkel morton ménière najjar niemann noonan osgood
    paget parkinson patau perthes peutz peyronie phalen pick pompe prader quincke raynaud recklinghausen refsum rett
    reye rinne romberg rorschach sachs sanfilippo sayre schlatter sjogren sjögren snellen stevens still sturge
    sydenham takayasu takotsubo tay tinel tolosa tourette trendelenburg turner waldenstrom waldenström wegener weiss
    wernicke willebrand willi wilms wilson wolff zellweger zollinger
    """.split()
)
"""Who diseases, signs and tests are named after: alone, or with each other, they are medicine and no patient."""

ALSO_WORDS = frozenset(
    """
    abad abel acero adam adoración agudo alas alba alcalde ale alegre alegría alemán alla alli alma almendra alta
    altera amada amado amador amber amo amor amores amos amparo anda angel angelica angulo ante aquiles arco arcos
    arenas aria aro arroyo art arts ascensión asunción atlas aud augusto aun aura aurora austin autumn baba bach
    bajan bala ball barajas barba barber barbero barco barra barranco barrera barriga barrio barrios barros barón
    batalla bath bautista bean beard bebe beer belen bella bello belén ben benigna benigno bent beta bien bienvenida
    bill bills binder bird black blair blanc blanca blanch blanco block blot boe bond boner bones bono borde botella
    braga branch brand brands bravo brick bridge bright brinda brown bud bueno bull burns bush butcher caballero
    cabello cabeza cabezas cabo cadena cadenas cal caldera calleja calvo calzada camino camp campo campos canal
    canales canals candela canning cannon cano cant cantón car cara cares caridad carnero caro carol carolina
    carpenter carrera carreras carro carter casa casado casas case cases casillas castaño castilla castillo catalán
    ceja cerda cerro chambers chapa charlotte chase che cherry chi chico christian church cielo clara claro clay
    clear clemente coca coco colas colon colón comas combs comer comment concepcion concepción concha conde constant
    constanza consuelo cook cooper coral cord cordero corona coronado coronel corral correa corredor correr cortes
    cortina cortés costa coste crean criado cristal cruces cruz crystal cuadrado cuenca cuervo cuesta cuevas
    custodia cámara cándido da dada daisy dale dam dan dano dar das dash dawn dean deep delfín delgado den der dev
    diamond dias diez digna diver dolores dom domingo dominic don dos drew drum dudo dueñas dulce duque duran
    durante día eco eden edil edit edita efe elder ella els elsa else emperatriz engels english esa escribano
    escudero esmeralda espada español espejo esperanza espinal este estrada estrella eta eva ever evita fair faith
    farmer fatima fausto fee felicidad feline fidel field fields fierro fisher flood floor flor flora florence
    florencia flores foot ford forum fox franca francisco franco frank freely french fresh frost frutos fry frías
    fuente fuentes fuertes fuma gala gallardo gallego gallo galo galán garza gay genesis georgia germano gil girón
    glass glasses golden good gore gould grace gracia granados grand grande grant grau gray greco green greet grey
    griego grill grit gross guadalupe guard guardia guerra guerrero gun guy génesis hall halla ham hammer hans hare
    harm harmony haro hart hasty hazel heather held hell herrero hierro hill hind ho holder holly hollywood hood
    hoof hook hora horn house huerta huertas hugo hunt hunter ian ibarra ida iden iglesia iglesias ii iii ine
    infante ing inmaculada ion iris isla iva ivan ivory ivy izquierdo jack jade jasmine jean jesús jet job joke
    jordan joy judge jug julio junior junk jurado justo key kick killer kiss lacy lad lady lago lagos laguna lamb
    lana lance lass lata law lazo le lea leal lean leen leo lerma li lie lies lily limón linares lincoln linda line
    link lino lips little llano llanos lobo logan lone long losa lot lourdes love low luce lucero lucky luna luz
    lynn macho madera madison magdalena magna maite major malla malo mani mans manso mantilla manzanares marcial
    mare mari marina marine marino mark marks marry martirio mast master mata matas mate maya medina melba melody
    mena mercado mercedes merino merry mesa meta mia mil milagros mile miles milla mina miner mir mira mist misty
    modesta modesto moles molina mona montaña monte montes moon moore mora moral morales morena moreno mota mountain
    mozart mucha máxima máximo mía mías nadal nana naranjo nard natal nazi neo nick nieto nieves nina niño noble
    nota nova oak octavio odd ola oliva olive olivia olmo om op ora orchard oscuro owe pace pacífica padrón page
    pages pal palacio palacios palm palma palo paloma palomar parada pardo paredes pareja parejo park parker parra
    partida parts parís pascual pastor pastora pat patty pau paw paz pearl peck peer peinado pelo pena penny pera
    perla pero petit peña pi piedad pier pierce pilar pino pintar pintor piña pla plana plaza plácido pol polo pop
    popa poppy porras porta portero portillo porto posada power pozo prada prado preciado price primitiva primitivo
    prince prudencia puente puentes puerta puk pulgar pulido purificación put pío quesada quijada rails ram rama
    ramos rana ray raya reader real recio redondo regalado regina reina remedios remo reza ribera rica rice rich
    rick riddle ridge riera rincón ring rio rita rivers roar rob robin robles roca roce rocio rock rocío rojo roma
    roman romana romano romero room root roots ros rosa rosado rosario rosas rose rosemary rubio ruby rueda rush
    rust río ríos sabina saga sala salado salami salas sales salinas salmon salvador salvar salvo sam sand sandy
    sant santa santos sara sarin sastre savage scarlet scott sean seco seda segundo segura seguí sena senna sera
    serena server seven sever severo sharp shepherd shine short sien sierra silk silla silvestre sine singer small
    smart snow sobrino socorro sofia sol sola solana solar sole soledad soler soprano stack steer stella stock stone
    storm story strong sue suits summer sur swift tack tai tailor tan tank tapia taylor te tea tejada ten tena
    theres ties tilde till tim toledo toma tomas tome tomo tomé tone tore toro torre toy trillo trinidad tránsito tú
    uno urbano vaca valentine valle valles valls vals valves van vaquero vara varas vega vela velas vello ven venus
    ver vera verde verdi verdugo verónica vi victoria victory vid vida vidas vila villa villar viola violet violeta
    virginia vives wall walls water waters way weeks white wild willow wills winter wise wit wolf wood woods young
    zoe zu ángel ángeles
    """.split()
)
"""Names that are also ordinary words or places: alone they are not taken for a name, beside another name they are."""
