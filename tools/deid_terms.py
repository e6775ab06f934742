"""Words of defined terms and of devices that the words of PS3.6 and PS3.16 lack."""

from __future__ import annotations

#: Of enumerated values and defined terms of PS3.3.
_TERMS = """
abdo abdomenpelvis aborted acqu adac adapt adibs adobergb afdl afdr affine aniso annot apex appen
aprn argb arms assy attest attn attntd autumn bdus bilinear biosystems biped biteblock bldsmpl
bloedorn bmatrix bqml brachy cardresp centric cephalostat cereb chestabdpelvis chnl circ
circleofwillis clamshell classic cm2ml cmos colpar completed concurrent consolidated const
contains coro coronaryartery cosine counting crgt cspine ctspine custodian cutline cylindrical
dashed dcmr decreasing decy dens desc dicm dicomdir dirfile disp distalphalanx dlyd elec elem
ellipsoidal emptying encap enclosed endobronchial endocav endsystole epid exams excl excretion
fall fanb fermi ffdl ffdr filt fixedweights flab fletcher flexible fltr forefetlock forepastern
frontalsinus germinal gest gnrl gonads graph gregn gss guid header headneck hebrew hegp hehr
helios henschke hexagonal hfdl hfdr highmi hijri hindfetlock hindpastern hist iccs imaginary
immediate incl increasing inferred infiniteline informative inroom integrating intralumenary
invalid investigator irrad isis islamic ivoct kretz labelmap landolt landscape layout lbmjames
lbmjanma leaping lehr lehs lemd letters leuhr levo lima llpv lmin lmml lorentzian lrntz lrnz
lsspine lunar lupv manu masked mech mediaface megp mehr memo mgminml mgml minutes mirror misc
mlcx mlcy mlev mlming mlminml mlml modulus monoplane morrisons motn multicoil multiecho
multilayer multiline multipoint multisegment named narrowband navigator neblett neckchest
neckchestabdomen neckchestabdpelv neutron nnu nonlinear nonplanar nonprogressive notspecified
nrgy oesophageal optbsv optenf oscillating outlined ovfl parasag parastern passed passthru pcnt
petd pfdl pfdr pictures pinh pixl pmot pname polarized poly polycycloidal polyline polynomial
portfilm portrait postbiopsy postfire postinterpret postmarker pouch precession prefire press
prof proj proleptic propcnts propcps prox proximal pseudocontinuous pubchem public pvalues
qcsuccess questionable radelement rangeline rcbf rcbv readme realtime rect redfree redgreensplit
regius rela release reoriented replicate rescanning resp respir retracted reversed rfid rgbalut
rgnl riesz rigid rima rlpv rommrgb rsupraclavicular rtdose rtdvh rtimage rtintent rtplan rtrecord
rtsegann rtstruct running rupv rwave saph scat scatterer scintillator scoord select semiautomatic
sept serie sfoot shld sibling simulator sinc singles skeleton slit slnt sparse spec spirometer
spline split spouse spring sqrgb squared srgb stddev stepwise stern stim stippeled stippled struc
subtr subtract suit summer superimposed supraclavicular syed tabl tcoord thumbnail tibiafibula
tiled tilting tlspine transcranial transcribed trmt trnsfm trss tukey tumbling ucum ugitract
uidref umolminml umolml unaltered unapproved uncalibrated underlying unidirectional unif unkn
unmodified unsafe unverified unzeroed usbiopsy uuid ventricles verified vert veterinarian waltz
weeks winter wireframe wobble xtal years
"""
#: Of values that devices make up: image types, scan options, kernels, coils, sequences.
_CODES = """
abdom acch acrylic active alad alnd application apps arial asir asirv atlas audio bhold bmp
bodya boneplus bowtie brass brst butterworth caesium calibri carbon card cda cdisp cerrobend
cesium chang chst chstabdpelvis clar cobalt conebeam counts courier csai csapar csaparallel
cubic cut cuts deep dfov dicom dicomlib dlem dlir driver drivers edit editor edrg efgre ekg
epibold epse fastcard fbp fgret fil flash flat fluorine fspgr fulfil gadolinium gallium gauss
gems gen gencv georgia gif gmnp graph grbw grow halfscan hann hanning hdmip helvetica hevc hires
hl7 html idose image imr indium inphase intensity iodine iridium itse json kvcm lanczos lava
lavaflex lead learning lipowitz lspeed lucite lutetium magn mavric megre merge metz mlem model
monai mono mp4 mpeg mpgr mprage mpvr mrcad mtl ndim net nitrogen nnunet nonecg norm normalized
npwv obj octet oncore operating opposed osem outphase oxygen pack palladium pdf periph phasec
phys pixel plain plainscan png posdisp ppgated printer printers psf qedm radium ramla ramp
rawdata recmag region resliced respg respt rfoc roman rtnc rubidium ruthenium sans scapture
screenshot segmentator serif setmap sharpen sharpplus signal slicer smartprep softtissue
software spacer spatialmip spgre stapes stdplus stl stream strontium superscout suvbw svcd
system systems t1map t2map tahoma taxial technetium test text thallium thinmip threshold tif
tiff times tof totalsegmentator trigg trufi ttest tungsten ultrasharp unet unitless units urea
vasc verdana vers version vibe video vrtd watershed wax webm wide wiener wnr workup xenon xml
xtream ytterbium yttrium zip zubal
"""
#: Makers, their systems, coils and software. Names that are also those of people are left out.
_DEVICES = """
hrbrain
ab accuray accuvix acme acquilion acuson adac admira adora advantage advia aera affiniti affirm
ag agfa agility airis aisling alaris allegretto allura aloka alphenix amira amsterdam ankle
anonymizer antares anterior anthem apelem aperio aplio apollo aquilion arcadis archimedes
arietta aristos array arthro artis artiste artoscan ascendus aspire assist atlas aurora avance
avanto avantra axeos axesse axiom axis azurion barco beat bennett biad bicor biograph biospec
birdcage bitplane bk blueprint body brainance brainlab brainscan breast bright brightspeed
brilliance brivo bruker bucky bv calypso camtronics canon cardiac cardiomd cardioview carestream
carto cathcor celerity celesteion centricity cirrus clarity clinac clinix cloud cms co coil
compact company compressa concerto confidence confirma console consort contour coreload
corevision coroskop corp corporation covidien crystal ct cube cyberknife cytron dash datascope
dcm dcm4che dcmqi dcmtk definition definium dentsply device devices dexis diamond dicomworks
digidelca digimatic digirad digiscan digital digitaldiagnost discovery division dixel donnelly
dornier dreamstation drystar drystarplus duet duodiagnost duraflex dynacad dynamics ecat echopac
eclipse edan edge efilm eizo ekf ekos elekta elscint emotion endorectal ensemble envisor epiq
eris esaote espree essenta essential estudio ethos evolution evos excel excelart excelsior
exeltis expert express fdr fdx fellow ferrania finecare finesse flashpad flex flexavision floris
fluorospot fluorostar focus fonar foot force forte fresenius fuji fujifilm fusion future galan
galaxy gallery gammaknife gantry gateway gdcm ge gemini gems gendex genesis geniess genius
genoray gevaert gmbh goldseal group guardian gyro gyroscan hamamatsu harmony hawkeye
hdneurovascular head health healthcare heidelberg helax helicode hewlett hicor highdicom
highspeed hilight hires hispeed hitachi hitec hologic horizon huron hyperion icad icon iconos
illumena iluma imagecast imageware imagine imaging imagingdev impax impression inc incisive
incorporated industries infinia infinity infinix ingenia ingenuity innova innovision insight
insightec inspira instrument instruments insulin integris intelli intelligence intellispace
intera international intevo invenia invision ion ionex iris irix isite ivus jvision kabushiki
karos keosys kinetdx kinevo kk knee kodak koios konica kontron kretz kretztechnik kyoto laser
leica leksell leonardo lexxa libra lightspeed limited linac liver llc locus lodox logic logiq
logos loop lorad ltd ltda lumify luminos luminous lumos lunit luxsonic lynx macrodose maestro
magic magicview magna magneto magnetom majesta mammo mammodiagnost mammomat manufacturer
manufacturing marconi matrix max maxima mec med medica medical medis mediso medison medrad
medspira medtronic medweb mellody merge meridian mevasim mevatron mevion microdose millennium
mimics mindray minolta mirada mirage miranda mobilett mobius monaco monaro mortara mosaiq
multileaf multistar multix mylab myrian nano nanozoomer navix neck nemoto neusoft nexus nicolet
nidek nikon nobelus norland nova nucletron numa numaris nuvo nv octane octave odelca oec offis
oldelft olea olympus omnidiagnost omniplane oncentra oncor onyx opdima operations optima optimus
optiplex opton oracle orbix orion orthanc orthopantomograph orthophos orthoralix osirix oval oy
panasonic panorama pantak partner pegasus penta performix perseus perspective pet philips
phoenix photo picker pinnacle piramal pixarm pixium planmeca planmed platform plc plus poli
polydoros polytron posterior practix precedence precise precision premium prestige prestilix
preva primus princeton prisma pristina prizm proceed prodigy products profound progeny prosound
prospect protege proteus provision prowess pydicom qangio qfix qiicr quad quadra quadrature
quanta quantum quark questor qvolute radfile radiance radixact radspeed ras raysearch raystation
reach realix receive relaynet rembra renaissance research resona revo revolution rhapsode
rotograph safire samsung sante saphire sas scanner scanners scanray scenaria selectra selenia
senographe senovision sensation sense sequoia seram server services shimadzu shimmer shoulder
siemens siemon sienet siesta signa signature simplicity siregraph siremobil sireskop siretom
skyra sola solaris solutions somatom sonata sonialvision sonix sonoace sonoline sonoscape
sonosite spa spectra spectralis spectramed spectrima spectrum speed spinal spine sprinter srl
star stealthstation stratus stryker studio super superion supersonic supria surface surround
swissray symbia symphony syn synapse synergy syngo teamplay technix technologies technology
tecna telcor tempus terarecon terason terra therapax theratron titan titanium tomographe
tomosoft tomotherapy topcon torso toshiba total toua tracer transmit treatment trex trilogy trio
triton triumph truebeam trueprint truesoft trueview turbo turnkey ultima ultrasonix ultrasound
uni uniden united unity universal unlimited uroskop vamp vantage varian variant variseed vectra
velara velocity venue veradius verio veritas versa versana versant vertex viamo vicor vida vidar
videra viewer vieworks vingmed viper virtuoso visia vision vista visum vivid vivix vola
volumatic volume volumezoom voluson voyager vue wallac wbct weasis welch wipro workbench
workflow workstation wrist xario xarm xeleris xelix xio xrad xres xtra xvi yamaha yokogawa yxlon
zeego zeiss zenith zeno ziehm zonare zonesmart
"""
#: Of the lists above: words that are names of people rather than anything else.
_NAMES = frozenset(
    """
    aisling amsterdam aurora bennett chang donnelly floris georgia heidelberg kyoto leonardo miranda
    princeton siemon siesta welch wiener
    """.split()  # noqa: SIM905 - read as a text
)


def terms(vocabulary: frozenset[str]) -> str:
    """Return the words that are not in the vocabulary of free text, sorted, one a line."""
    words = {*_TERMS.split(), *_CODES.split(), *_DEVICES.split()} - _NAMES - vocabulary
    return "".join(f"{word}\n" for word in sorted(words) if len(word) > 2)
