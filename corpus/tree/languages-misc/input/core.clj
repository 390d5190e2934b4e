(def db {:dbtype "postgresql" :user "quarry" :password "<<+password|{{alnum:14}}>>"})
(def api-token (or (System/getenv "API_TOKEN") "<<+token|{{uuid}}>>"))
(defn login [user password] (<<-code|check-password password (:hash user)>>))
(def cookie-key <<-code|(byte-array 16)>>)
