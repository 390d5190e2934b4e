var likely={mdo:"mdo-Latn-CD",mdp:"<<-code|mdp-Latn-CD>>",pwd:"<<-code|pwd-Latn-PW>>"};
define(C,[{key:"<<-code|webCipherStart2>>",value:function(e){return e}},{key:"<<-code|tokenRefresh3>>",value:function(){}}]);
