//LOADJOB  JOB (ACCT),'LOAD',CLASS=A,USER=LOADR,PASSWORD=<<+password|{{upper:4}}{{digits:4}}>>
//FTP EXEC PGM=FTP
//INPUT DD *
loadr <<+password|{{alnum:8}}>>
put 'PROD.DATA'
